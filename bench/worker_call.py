"""A call in a worker, beside the standard library's process pool: the same function, interleaved, outputs checked."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor

from _measuring import interleave, machine, show
from _work import double

from endstop import ToolExecutor

WORKERS = 4


def main() -> None:
    print(machine())
    with ToolExecutor() as executor, ProcessPoolExecutor(WORKERS) as pool:
        executor.register(double, placement="worker")
        with executor.run():
            contenders = {
                "endstop, worker, guards on": lambda n: executor.execute_tool("double", {"number": n}),
                "ProcessPoolExecutor": lambda n: pool.submit(double, n).result(),
            }
            for callers in (1, 4):
                rows = interleave(contenders, callers=callers, rounds=8, calls_per_round=1200, expected=double)
                show(f"A call in a worker, {callers} caller{'s' if callers > 1 else ''}", rows, "ProcessPoolExecutor")


if __name__ == "__main__":
    main()
