"""A call in a worker, beside two process pools: the same functions, interleaved, results checked."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

from _measuring import Call, interleave, machine, show
from _work import double, text_of
from pebble import ProcessPool

from endstop import ToolExecutor

WORKERS = 4
# Result bytes -> calls in a round.
SIZES = {1_000: 300, 100_000: 100, 10_000_000: 6}
PEER = "ProcessPoolExecutor"


@contextmanager
def contenders() -> Iterator[tuple[dict[str, Call], dict[str, Call]]]:
    """Each way to call `double`, and to call `text_of`."""
    with (
        ToolExecutor(budget_calls=None) as executor,
        ProcessPoolExecutor(WORKERS) as pool,
        ProcessPool(WORKERS) as pebble,
        executor.run(),
    ):
        executor.register(double, placement="worker")
        executor.register(text_of, placement="worker")
        yield (
            {
                "endstop, worker, guards on": lambda n: executor.execute_tool("double", {"number": n}),
                PEER: lambda n: pool.submit(double, n).result(),
                "pebble": lambda n: pebble.schedule(double, args=(n,)).result(),
            },
            {
                "endstop, worker, guards on": lambda n: executor.execute_tool(
                    "text_of", {"size": SIZE[0], "number": n}
                ),
                PEER: lambda n: pool.submit(text_of, SIZE[0], n).result(),
                "pebble": lambda n: pebble.schedule(text_of, args=(SIZE[0], n)).result(),
            },
        )


SIZE = [0]


def main() -> None:
    print(machine())
    with contenders() as (calls, sized):
        for callers in (1, 4):
            rows = interleave(calls, callers=callers, rounds=8, calls_per_round=1200, expected=double)
            show(f"A call in a worker, {callers} caller{'s' if callers > 1 else ''}", rows, PEER)
        for size, count in SIZES.items():
            SIZE[0] = size
            rows = interleave(sized, callers=1, rounds=5, calls_per_round=count, expected=lambda n: text_of(SIZE[0], n))
            show(f"A result of {size:,} characters", rows, PEER)


if __name__ == "__main__":
    main()
