"""Four CPU-bound tools at once: one after the other, in workers, and in bare `multiprocessing`; interleaved rounds."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from _measuring import machine
from _work import count_primes

from endstop import ToolExecutor

TOOLS = 4
LIMIT = 120_000
ROUNDS = 7


def main() -> None:
    print(machine())
    expected = [count_primes(LIMIT + number) for number in range(TOOLS)]
    numbers = [LIMIT + number for number in range(TOOLS)]
    with (
        ToolExecutor() as executor,
        ThreadPoolExecutor(TOOLS) as threads,
        multiprocessing.get_context("fork").Pool(TOOLS) as pool,
    ):
        executor.register(count_primes, placement="worker")

        def call(limit: int) -> int:
            return int(executor.execute_tool("count_primes", {"limit": limit}))

        ways: dict[str, Callable[[], list[int]]] = {
            "one after the other": lambda: [count_primes(number) for number in numbers],
            "threads": lambda: list(threads.map(count_primes, numbers)),
            "endstop, worker": lambda: list(threads.map(call, numbers)),
            "multiprocessing.Pool": lambda: pool.map(count_primes, numbers, chunksize=1),
        }
        times: dict[str, list[float]] = {name: [] for name in ways}
        for warm_up in (True, *[False] * ROUNDS):
            for name, way in ways.items():
                begin = time.perf_counter()
                if way() != expected:
                    raise SystemExit(f"{name} gave a wrong result, nothing was measured")
                if not warm_up:
                    times[name].append(time.perf_counter() - begin)
    middle = {name: sorted(taken)[len(taken) // 2] for name, taken in times.items()}
    print(f"\n{TOOLS} CPU-bound tools, median of {ROUNDS} rounds")
    print(f"  {'':24}{'ms':>8}{'times faster':>14}")
    for name, taken in middle.items():
        print(f"  {name:24}{taken * 1e3:8.0f}{middle['one after the other'] / taken:14.2f}")


if __name__ == "__main__":
    main()
