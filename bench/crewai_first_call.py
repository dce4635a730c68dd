"""What the first tool call of a process takes after `install()`: on the host, and in a worker."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time

import _quiet_crewai  # noqa: F401 - it has to come before crewai
from _measuring import keep, machine

PROCESSES = 3
THINKING_S = 2.0
# The way, and how long the model takes for its first answer. The workers' template starts meanwhile, without CrewAI: a
# function does without it, for a class of CrewAI's the first call imports it there.
WAYS = {
    "plain CrewAI": ("plain", 0.0),
    "endstop, on the host": ("host", 0.0),
    "endstop, function in a worker": ("function", 0.0),
    f"the same, model thinks {THINKING_S:.0f} s": ("function", THINKING_S),
    "endstop, BaseTool in a worker": ("class", 0.0),
}


def look_up(word: str) -> str:
    """Looks a word up."""
    return f"meanings of {word}"


def one_process(way: str, thinking_s: float) -> dict[str, float]:
    """In a process of its own, CrewAI imported: the ms of `install()`, and of the first two calls of a crew from text.

    A call is the time from the model's answer that asks for it to the model's next question.
    """
    from crewai.tools import tool
    from crewai_call import Lookup, crew_of

    import endstop.crewai
    from endstop.demo.scripted import Ask

    instants: list[float] = []

    def model(number: int, _messages: object) -> object:
        instants.append(time.perf_counter())
        if number == 1:
            time.sleep(thinking_s)
        instants.append(time.perf_counter())
        return Ask("look_up", {"word": f"w{number}"}) if number <= 2 else "done"

    tools = [tool("look up")(look_up) if way == "function" else Lookup()]
    crew = crew_of(tools, model, native=False)
    begin = time.perf_counter()
    if way != "plain":
        endstop.crewai.install(tools={} if way == "host" else {"look up": {"placement": "worker"}})
    install_s = time.perf_counter() - begin
    crew.kickoff()
    if way != "plain" and endstop.crewai.report().outcomes != {"succeeded": 2}:
        raise SystemExit(f"wrong results, nothing was measured: {endstop.crewai.report().outcomes}")
    (_, first, first_end, following, following_end, _) = instants
    return {"install": install_s * 1e3, "first": (first_end - first) * 1e3, "next": (following_end - following) * 1e3}


def measured(way: str, thinking_s: float) -> dict[str, float]:
    command = [sys.executable, __file__, way, str(thinking_s)]
    # Its ratios are none of a round of this run.
    environment = {name: value for name, value in os.environ.items() if name != "ENDSTOP_BENCH_RESULTS"}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def main() -> None:
    print(machine())
    found: dict[str, list[dict[str, float]]] = {name: [] for name in WAYS}
    for _ in range(PROCESSES):
        for name, (way, thinking_s) in WAYS.items():
            found[name].append(measured(way, thinking_s))
    print(f"\nThe first call in a process, CrewAI imported before (median of {PROCESSES} processes, ms)")
    print(f"  {'':30}{'install()':>12}{'first call':>12}{'both':>12}{'next call':>12}")
    both = {name: [each["install"] + each["first"] for each in each_process] for name, each_process in found.items()}
    for name, each_process in found.items():
        install, first, following = (
            statistics.median(each[part] for each in each_process) for part in ("install", "first", "next")
        )
        print(f"  {name:30}{install:12.1f}{first:12.1f}{statistics.median(both[name]):12.1f}{following:12.1f}")
    ours, plain = both["endstop, on the host"], both["plain CrewAI"]
    keep("install() and the first call on the host", [mine / theirs for mine, theirs in zip(ours, plain, strict=True)])


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(one_process(sys.argv[1], float(sys.argv[2]))))
    else:
        main()
