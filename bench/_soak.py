"""Mixed calls from several threads while faults are injected at random; run by `dev soak`.

Prints the calls, the outcomes by code, the rate of errors that no fault explains, what was left behind, and the growth
per 10,000 calls. Exits with 1 if a bound is passed.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter, deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import psutil
from _soak_tools import HARMFUL, SILENT, TOOLS, Tool

from endstop import EngineError, ToolExecutor
from endstop.client.engine import shared_engine

sys.path.append(str(Path(__file__).parents[1] / "python"))
from _soak_faults import WEIGHTS, Faults
from _soak_limits import Limits
from tests.support.leaks import LeakError, no_leaks
from tests.support.small_disk import SmallDisk, small_disk
from tests.support.stepped_clock import SteppedClock

CALLERS = 4
AT_ONCE = CALLERS + 3
"""Calls that are under way, with those of faults and of limits."""
MAX_ERROR_RATE = 0.001
MAX_GROWTH_BYTES = 20_000_000
"""Of host and engine together, in 10,000 calls."""
GROWTH_FROM_MINUTES = 3.0
"""In less time the heap of an engine that a fault has replaced is still filling: nothing can be said."""
MAX_LATE_S = 5.0
"""A call whose limit has passed by that much has not ended on time."""
FAULT_EVERY_S = 0.5
EXCUSED = frozenset(
    {
        "worker-crashed",
        "lost",
        "timed-out",
        "wait-timed-out",
        "tool-load-failed",
        "not-recorded",
        "cancelled",
        "engine-lost",
    }
)
"""What a fault can make of a call that it hits."""
EXCUSED_FOR_S = 15.0
DISK_MEGABYTES = 64


@dataclass
class Tally:
    calls: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    unexplained: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)
    """Limits, and keys with two bodies."""
    limited: int = 0
    """Executors whose limits were looked at."""
    impossible: list[str] = field(default_factory=list)
    """Faults that this machine does not allow."""
    lock: threading.Lock = field(default_factory=threading.Lock)


class Sample(NamedTuple):
    part: float
    """Of the whole time, 0 to 1."""
    calls: int
    memory: int


class Soak:
    def __init__(self, executor: ToolExecutor, minutes: float, seed: int, limits: Limits, faults: Faults) -> None:
        self.executor = executor
        self.tally = Tally()
        self._until = time.monotonic() + minutes * 60
        self._seconds = minutes * 60
        self._random = random.Random(seed)
        self._faults = faults
        self._limits = limits
        self._excuses: deque[float] = deque()
        self._host = psutil.Process()
        self._samples: list[Sample] = []
        self._threads: ThreadPoolExecutor

    def run(self) -> None:
        seeds = [self._random.random() for _ in range(CALLERS)]
        with ThreadPoolExecutor(CALLERS + 6) as self._threads:
            for each in [
                self._threads.submit(self._inject),
                self._threads.submit(self._use_limits),
                *(self._threads.submit(self._call, seed) for seed in seeds),
            ]:
                each.result()
        self.tally.passed, self.tally.limited = self._limits.passed, self._limits.executors
        self.tally.unexplained += self._faults.broken
        self.tally.impossible = self._faults.impossible

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
            self._try(self.executor, tool, tool.name, arguments)

    def _use_limits(self) -> None:
        while time.monotonic() < self._until:
            self._limits.use_one(self._try)

    def _try(
        self, executor: ToolExecutor, tool: Tool, name: str, arguments: dict[str, Any], key: str | None = None
    ) -> None:
        begin = time.monotonic()
        try:
            failure = executor.try_execute_tool(name, arguments, idempotency_key=key).failure
            code, text = (failure.code, failure.message) if failure else ("succeeded", "succeeded")
        except EngineError as problem:  # faults can hit one call three times
            code, text = problem.code, str(problem)
        took_s = time.monotonic() - begin
        tally = self.tally
        with tally.lock:
            tally.calls += 1
            tally.codes[code] += 1
            if took_s > tool.limit_s + tool.wait_s + MAX_LATE_S:
                begun_s = begin - self._until + self._seconds
                tally.late.append(f"{name}: {code} after {took_s:.1f} s, begun at {begun_s:.0f} s")
            if code not in tool.expected and not (code in EXCUSED and self._excuse()):
                tally.unexplained.append(f"{name}: {text}")

    def _excuse(self) -> bool:
        """A fault can hit the calls that are under way, one for each caller; a stopped worker shows late."""
        while self._excuses and self._excuses[0] < time.monotonic() - EXCUSED_FOR_S:
            self._excuses.popleft()
        if not self._excuses:
            return False
        self._excuses.popleft()
        return True

    def _inject(self) -> None:
        faults = [fault for fault in WEIGHTS if fault not in self._faults.impossible]
        at_work: list[Future[None]] = []
        while time.monotonic() < self._until:
            time.sleep(self._random.expovariate(1 / FAULT_EVERY_S))
            with suppress(psutil.Error, ValueError):
                part = 1 - (self._until - time.monotonic()) / self._seconds
                self._samples.append(Sample(part, self.tally.calls, self._memory()))
            [fault] = self._random.choices(faults, [WEIGHTS[each] for each in faults])
            at_work = [each for each in at_work if not each.done() or each.result()]
            at_work.append(self._threads.submit(self._fault, fault))

    def _fault(self, fault: str) -> None:
        with suppress(psutil.Error, IndexError, ValueError, OSError):  # at times there is no such process
            with self.tally.lock:
                self._excuses.extend([time.monotonic()] * AT_ONCE)
            self._faults.inject(fault, self._try)
            with self.tally.lock:
                self.tally.faults[fault] += 1

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
    # Bodies are counted where nobody tidies.
    with tempfile.TemporaryDirectory(prefix="soak-bodies-") as bodies, small_disk(DISK_MEGABYTES) as disk:
        if disk is not None:
            # Where the leak detector makes its folder.
            tempfile.tempdir = str(disk.folder)
        try:
            with no_leaks(patience_s=10):
                tally, growth = soak(options.minutes, seed, Path(bodies), disk)
        except LeakError as problem:
            left = str(problem)
        tempfile.tempdir = None
    if options.result is not None:
        counts = {"calls": tally.calls, "faults": tally.faults.total(), "unexplained": len(tally.unexplained)}
        options.result.write_text(json.dumps(counts), encoding="utf-8")
    return report(tally, growth if options.minutes >= GROWTH_FROM_MINUTES else None, left)


def soak(minutes: float, seed: int, bodies: Path, disk: SmallDisk | None) -> tuple[Tally, float]:
    clock = SteppedClock()
    shared_engine()._command = clock.command
    with ToolExecutor() as executor:
        for tool in (*TOOLS, *HARMFUL.values(), SILENT):
            placement = "worker" if tool.in_worker else "host"
            limits = {"timeout": tool.limit_s, "max_concurrent": 1 if tool is SILENT else None}
            executor.register(tool.body, name=tool.name, placement=placement, **limits)
        running = Soak(executor, minutes, seed, Limits(bodies), Faults(executor, random.Random(seed + 1), clock, disk))
        running.run()
        growth = running.growth_bytes()
    shared_engine().end("the soak is over")
    return running.tally, growth


def report(tally: Tally, growth_bytes: float | None, left: str) -> int:
    rate = len(tally.unexplained) / max(1, tally.calls)
    print(f"calls: {tally.calls}")
    print("outcomes: " + ", ".join(f"{code} {count}" for code, count in tally.codes.most_common()))
    print("injected:")
    for fault in WEIGHTS:
        print(f"  {fault}: " + ("not possible here" if fault in tally.impossible else str(tally.faults[fault])))
    verdicts = [
        (f"errors that no fault explains: {rate:.4%} (bound {MAX_ERROR_RATE:.1%})", rate <= MAX_ERROR_RATE),
        (f"calls that ended more than {MAX_LATE_S:g} s after their limit: {len(tally.late)} (bound 0)", not tally.late),
        (f"limits passed, in {tally.limited} executors: {len(tally.passed)} (bound 0)", not tally.passed),
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
    for line in [*tally.late[:10], *tally.passed[:10], *tally.unexplained[:10]]:
        print(f"  {line}")
    return 0 if all(holds for _, holds in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
