"""Mixed calls from several threads while faults are injected at random; run by `dev soak`.

Prints the calls, the outcomes by code, the rate of errors that no fault explains, what was left behind, and the growth
per 10,000 calls. Exits with 1 if a bound is passed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import threading
import time
from collections import Counter, deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import psutil
from _soak_tools import TOOLS, Tool

from endstop import Outcome, ToolExecutor
from endstop.client.engine import shared_engine

sys.path.append(str(Path(__file__).parents[1] / "python"))
from tests.support.leaks import LeakError, no_leaks

CALLERS = 4
MAX_ERROR_RATE = 0.001
MAX_GROWTH_BYTES = 20_000_000
"""Of host and engine together, in 10,000 calls."""
GROWTH_FROM_MINUTES = 3.0
"""In less time the heap of an engine that a fault has replaced is still filling: nothing can be said."""
MAX_LATE_S = 5.0
"""A call whose limit has passed by that much has not ended on time."""
FAULT_EVERY_S = 0.5
FAULTS = {
    "kill a worker": 60,
    "stop a worker": 20,
    "kill the template": 3,
    "stop the template": 3,
    "kill the engine": 1,
}
EXCUSED = frozenset({"worker-crashed", "lost", "timed-out", "wait-timed-out", "tool-load-failed"})
"""What a fault can make of a call that it hits."""
EXCUSED_FOR_S = 15.0


@dataclass
class Tally:
    calls: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    unexplained: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


class Sample(NamedTuple):
    part: float
    """Of the whole time, 0 to 1."""
    calls: int
    memory: int


class Soak:
    def __init__(self, executor: ToolExecutor, minutes: float, seed: int) -> None:
        self.executor = executor
        self.tally = Tally()
        self._until = time.monotonic() + minutes * 60
        self._seconds = minutes * 60
        self._random = random.Random(seed)
        self._excuses: deque[float] = deque()
        self._host = psutil.Process()
        self._samples: list[Sample] = []

    def run(self) -> None:
        injector = threading.Thread(target=self._inject, daemon=True)
        injector.start()
        seeds = [self._random.random() for _ in range(CALLERS)]
        with ThreadPoolExecutor(CALLERS) as callers:
            for caller in [callers.submit(self._call, seed) for seed in seeds]:
                caller.result()
        injector.join()

    def growth_bytes(self) -> float:
        """Per 10,000 calls: from the least memory in the second third of the time to the least in the last third."""
        middle, last = (
            [sample for sample in self._samples if third <= sample.part < third + 1 / 3] for third in (1 / 3, 2 / 3)
        )
        if not middle or not last:
            return 0.0
        calls = max(1, last[-1].calls - middle[-1].calls)
        return (min(sample.memory for sample in last) - min(sample.memory for sample in middle)) / calls * 10_000

    def _call(self, seed: float) -> None:
        choices = random.Random(seed)
        weights = [tool.weight for tool in TOOLS]
        while time.monotonic() < self._until:
            [tool] = choices.choices(TOOLS, weights)
            arguments = tool.arguments(choices)
            begin = time.monotonic()
            outcome = self.executor.try_execute_tool(tool.name, arguments)
            self._count(tool, outcome, begin, time.monotonic() - begin)

    def _count(self, tool: Tool, outcome: Outcome, begin: float, took_s: float) -> None:
        code = outcome.failure.code if outcome.failure is not None else "succeeded"
        tally = self.tally
        with tally.lock:
            tally.calls += 1
            tally.codes[code] += 1
            if took_s > tool.limit_s + MAX_LATE_S:
                begun_s = begin - self._until + self._seconds
                tally.late.append(f"{tool.name}: {code} after {took_s:.1f} s, begun at {begun_s:.0f} s")
            if code not in tool.expected and not (code in EXCUSED and self._excuse()):
                tally.unexplained.append(f"{tool.name}: {outcome.failure.message if outcome.failure else 'succeeded'}")

    def _excuse(self) -> bool:
        """A fault can hit the calls that are under way, one for each caller; a stopped worker shows late."""
        while self._excuses and self._excuses[0] < time.monotonic() - EXCUSED_FOR_S:
            self._excuses.popleft()
        if not self._excuses:
            return False
        self._excuses.popleft()
        return True

    def _inject(self) -> None:
        while time.monotonic() < self._until:
            time.sleep(self._random.expovariate(1 / FAULT_EVERY_S))
            with suppress(psutil.Error, ValueError):
                part = 1 - (self._until - time.monotonic()) / self._seconds
                self._samples.append(Sample(part, self.tally.calls, self._memory()))
            [fault] = self._random.choices(list(FAULTS), list(FAULTS.values()))
            with suppress(psutil.Error, IndexError, ValueError, OSError):  # at times there is no such process
                victim = self._victim(fault)
                with self.tally.lock:
                    self._excuses.extend([time.monotonic()] * CALLERS)
                os.kill(victim, signal.SIGSTOP if fault.startswith("stop") else signal.SIGKILL)
                self.tally.faults[fault] += 1

    def _victim(self, fault: str) -> int:
        [engine] = self._host.children()
        if fault == "kill the engine":
            return engine.pid
        [template] = engine.children()
        # One that has no workers yet is importing: three kills there would count against the module.
        worker = self._random.choice(template.children())
        return template.pid if fault.endswith("the template") else worker.pid

    def _memory(self) -> int:
        """Of host and engine; what is younger than they are is replaced by faults all the time."""
        [engine] = self._host.children()
        return int(self._host.memory_info().rss + engine.memory_info().rss)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--result", type=Path, default=None, help="a file for the figures, as JSON")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(2**32)
    print(f"soaking for {options.minutes:g} min with seed {seed}", flush=True)
    left = "nothing"
    tally, growth = Tally(), 0.0
    try:
        with no_leaks(patience_s=10):
            tally, growth = soak(options.minutes, seed)
    except LeakError as problem:
        left = str(problem)
    if options.result is not None:
        counts = {"calls": tally.calls, "faults": tally.faults.total(), "unexplained": len(tally.unexplained)}
        options.result.write_text(json.dumps(counts), encoding="utf-8")
    return report(tally, growth if options.minutes >= GROWTH_FROM_MINUTES else None, left)


def soak(minutes: float, seed: int) -> tuple[Tally, float]:
    with ToolExecutor() as executor:
        for tool in TOOLS:
            placement = "worker" if tool.in_worker else "host"
            executor.register(tool.body, name=tool.name, placement=placement, timeout=tool.limit_s)
        running = Soak(executor, minutes, seed)
        running.run()
        growth = running.growth_bytes()
    shared_engine().end("the soak is over")
    return running.tally, growth


def report(tally: Tally, growth_bytes: float | None, left: str) -> int:
    rate = len(tally.unexplained) / max(1, tally.calls)
    print(f"calls: {tally.calls}")
    print("outcomes: " + ", ".join(f"{code} {count}" for code, count in tally.codes.most_common()))
    print("injected: " + (", ".join(f"{fault} {count}" for fault, count in tally.faults.most_common()) or "nothing"))
    verdicts = [
        (f"errors that no fault explains: {rate:.4%} (bound {MAX_ERROR_RATE:.1%})", rate <= MAX_ERROR_RATE),
        (f"calls that ended more than {MAX_LATE_S:g} s after their limit: {len(tally.late)} (bound 0)", not tally.late),
        (f"left behind: {left}", left == "nothing"),
        ("there were calls, and faults", tally.calls > 0 and tally.faults.total() > 0),
    ]
    if growth_bytes is None:
        print(f"not judged: growth, which takes {GROWTH_FROM_MINUTES:g} min to show")
    else:
        text = f"growth per 10,000 calls: {growth_bytes / 1e6:.1f} MB (bound {MAX_GROWTH_BYTES / 1e6:.0f} MB)"
        verdicts.append((text, growth_bytes <= MAX_GROWTH_BYTES))
    for text, holds in verdicts:
        print(f"{'ok' if holds else 'NOT OK'}: {text}")
    for line in [*tally.late[:10], *tally.unexplained[:10]]:
        print(f"  {line}")
    return 0 if all(holds for _, holds in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
