"""100 tools that wait 100 ms, asked for in one answer of the model: a whole kickoff, plain and with the drop-in."""

from __future__ import annotations

import statistics
import time
from typing import Any

import _quiet_crewai  # noqa: F401 - it has to come before crewai
from _measuring import machine
from crewai import Agent, Crew, Task
from crewai.tools import tool

import endstop.crewai
from endstop.demo.scripted import Ask, ScriptedLLM

CALLS = 100
BODY_S = 0.1
ROUNDS = 3


def kickoff_s(max_usage_count: int | None) -> float:
    """The seconds of a kickoff whose model asks once for all calls, and then answers."""
    numbers: list[int] = []

    @tool("fetch", max_usage_count=max_usage_count)
    def fetch(number: int) -> str:
        """Waits, as a request does."""
        time.sleep(BODY_S)
        numbers.append(number)
        return f"page {number}"

    asks: list[Any] = [[Ask("fetch", {"number": number}) for number in range(CALLS)], "done"]
    model = ScriptedLLM.following(asks, native=True)
    agent = Agent(role="Tester", goal="g", backstory="b", llm=model, tools=[fetch], verbose=False)
    task = Task(description="Do it.", expected_output="It.", agent=agent)
    crew = Crew(agents=[agent], tasks=[task], verbose=False)
    begin = time.perf_counter()
    crew.kickoff()
    taken_s = time.perf_counter() - begin
    texts = [str(message["content"]) for message in model.last_messages if message.get("role") == "tool"]
    if sorted(numbers) != list(range(CALLS)) or texts != [f"page {number}" for number in range(CALLS)]:
        raise SystemExit(f"wrong result, nothing was measured: {len(numbers)} bodies, {texts[:3]}")
    return taken_s


def main() -> None:
    print(machine())
    print(f"\n{CALLS} tools of {BODY_S * 1_000:.0f} ms in one native batch (median of {ROUNDS} kickoffs)")
    print(f"  {'':36}{'plain s':>10}{'drop-in s':>11}{'ratio':>8}")
    for name, max_usage_count in (("a tool", None), ("a tool with max_usage_count", CALLS)):
        taken: dict[bool, list[float]] = {False: [], True: []}
        for _ in range(ROUNDS):
            for drop_in, times in taken.items():
                if drop_in:
                    endstop.crewai.install(max_batch=CALLS)
                try:
                    times.append(kickoff_s(max_usage_count))
                finally:
                    endstop.crewai.uninstall()
        plain, guarded = (statistics.median(times) for times in taken.values())
        print(f"  {name:36}{plain:10.2f}{guarded:11.2f}{guarded / plain:8.2f}", flush=True)


if __name__ == "__main__":
    main()
