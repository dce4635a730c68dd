"""A deadline of 100 ms on bodies that do not stop: when the answer comes, and when the next call is served."""

from __future__ import annotations

import time

from _measuring import figures, machine
from _work import double, hold_interpreter_lock, spin

from endstop import ToolExecutor

LIMIT_MS = 100
ROUNDS = 20


def main() -> None:
    print(machine())
    with ToolExecutor(timeout_seconds=LIMIT_MS / 1000) as executor:
        for tool in (double, spin, hold_interpreter_lock):
            executor.register(tool, placement="worker")
        warm_up(executor)
        print(f"\nA deadline of {LIMIT_MS} ms in a worker (ms; {ROUNDS} rounds each)")
        print(f"  {'':28}{'answered p50':>14}{'max':>8}{'next call served p50':>22}{'max':>8}")
        for name, label in (("spin", "while True"), ("hold_interpreter_lock", "C that holds the lock")):
            answered, served = [], []
            for _ in range(ROUNDS):
                begin = time.perf_counter()
                outcome = executor.try_execute_tool(name, {})
                answer = time.perf_counter()
                if outcome.status != "timed-out":
                    raise SystemExit(f"{name} ended as {outcome}")
                if executor.execute_tool("double", {"number": 21}) != 42:
                    raise SystemExit("the next call gave a wrong result")
                served.append((time.perf_counter() - answer) * 1e3)
                answered.append((answer - begin) * 1e3)
            answer_ms, served_ms = figures(answered), figures(served)
            print(f"  {label:28}{answer_ms.p50:14.1f}{max(answered):8.1f}{served_ms.p50:22.1f}{max(served):8.1f}")


def warm_up(executor: ToolExecutor) -> None:
    """The template imports and the first workers are forked."""
    while executor.try_execute_tool("double", {"number": 1}).status != "succeeded":
        pass


if __name__ == "__main__":
    main()
