"""What the benchmarks share: interleaved rounds, percentiles, a table."""

from __future__ import annotations

import itertools
import json
import os
import platform
import statistics
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

Call = Callable[[int], object]
# Never the same input twice: a repeated call with the same result is a loop, and is stopped.
_numbers = itertools.count()


@dataclass(frozen=True)
class Figures:
    """Of the calls of one contender, in µs."""

    p50: float
    p99: float
    calls: int
    rounds: tuple[float, ...] = ()
    """The p50 of each round."""


def interleave(
    contenders: Mapping[str, Call],
    *,
    callers: int,
    rounds: int,
    calls_per_round: int,
    expected: Callable[[int], object],
) -> dict[str, Figures]:
    """Times the contenders in turn, A B A B …, so that a change of the machine's speed hits all alike.

    Every result is checked. With several callers each thread makes its share of the round's calls.
    """
    times: dict[str, list[float]] = {name: [] for name in contenders}
    middles: dict[str, list[float]] = {name: [] for name in contenders}
    for call in contenders.values():
        _round(call, callers, calls_per_round, expected)  # warm-up, not counted
    for _ in range(rounds):
        for name, call in contenders.items():
            taken = _round(call, callers, calls_per_round, expected)
            times[name] += taken
            middles[name].append(statistics.median(taken))
    return {name: replace(figures(times[name]), rounds=tuple(middles[name])) for name in contenders}


def figures(times_us: list[float]) -> Figures:
    ordered = sorted(times_us)
    return Figures(ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)], len(ordered))


def _round(call: Call, callers: int, calls: int, expected: Callable[[int], object]) -> list[float]:
    share = calls // callers
    times: list[list[float]] = [[] for _ in range(callers)]
    problems: list[str] = []

    def work(caller: int) -> None:
        taken = times[caller]
        for number in itertools.islice(_numbers, share):
            begin = time.perf_counter()
            result = call(number)
            taken.append((time.perf_counter() - begin) * 1e6)
            if result != expected(number):
                problems.append(f"call {number} gave {result!r} instead of {expected(number)!r}")

    if callers == 1:
        work(0)
    else:
        threads = [threading.Thread(target=work, args=(caller,)) for caller in range(callers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if problems:
        raise SystemExit(f"wrong results, nothing was measured: {problems[0]}")
    return [taken for each in times for taken in each]


def show(title: str, rows: Mapping[str, Figures], peer: str, *, keeps: bool = True) -> None:
    """Prints p50, p99 and the ratio of the p50 to the peer's. `keeps`: `dev bench --compare` watches the ratios."""
    print(f"\n{title}")
    print(f"  {'':32}{'p50 µs':>10}{'p99 µs':>10}{'ratio':>8}{'calls':>9}")
    for name, row in rows.items():
        ratio = row.p50 / rows[peer].p50
        print(f"  {name:32}{row.p50:10.1f}{row.p99:10.1f}{ratio:8.2f}{row.calls:9}")
        if keeps and name.startswith("endstop") and name != peer:
            keep(
                f"{title} · {name}", [ours / theirs for ours, theirs in zip(row.rounds, rows[peer].rounds, strict=True)]
            )


def keep(case: str, ratios: Sequence[float]) -> None:
    """Tells `dev bench --compare` the ratio of each round. Without it nothing is kept."""
    file = os.environ.get("ENDSTOP_BENCH_RESULTS")
    if file and ratios:
        with open(file, "a", encoding="utf-8") as kept:
            kept.write(json.dumps({"case": f"{Path(sys.argv[0]).stem} · {case}", "ratios": list(ratios)}) + "\n")


def machine() -> str:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"Python {platform.python_version()}, endstop {version('endstop')}, {cores} cores, {platform.system()}"
