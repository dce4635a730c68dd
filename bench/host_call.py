"""What a call on the host costs over calling the function: idle, and beside a thread that computes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from _measuring import interleave, machine, show
from _work import double

from endstop import ToolExecutor


@contextmanager
def spinning_thread() -> Iterator[None]:
    stopped = threading.Event()

    def spin() -> None:
        while not stopped.is_set():
            sum(range(1000))

    thread = threading.Thread(target=spin)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def main() -> None:
    print(machine())
    with ToolExecutor(budget_calls=None) as executor:
        executor.register(double)
        executor.register(double, name="double_no_deadline", timeout=None)
        with executor.run():
            contenders = {
                "endstop, host, 120 s deadline": lambda n: executor.execute_tool("double", {"number": n}),
                "endstop, host, no deadline": lambda n: executor.execute_tool("double_no_deadline", {"number": n}),
                "the function itself": double,
            }
            rows = interleave(contenders, callers=1, rounds=10, calls_per_round=500, expected=double)
            show("A call on the host, idle machine", rows, "the function itself")
            with spinning_thread():
                rows = interleave(contenders, callers=1, rounds=3, calls_per_round=60, expected=double)
            # What that thread does to it is the interpreter's own: 5 ms each time that its lock is given up.
            title = "A call on the host, one Python thread computing beside it"
            show(title, rows, "the function itself", keeps=False)


if __name__ == "__main__":
    main()
