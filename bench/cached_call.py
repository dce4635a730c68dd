"""What a call costs that the cache answers, from Python and from TypeScript, beside one whose body does nothing."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable

from _measuring import interleave, machine, show
from _node import run_node

from endstop import ToolExecutor

ROWS = [{"id": number, "name": f"row {number}", "tags": ["a", "b"]} for number in range(10)]


def main() -> None:
    print(machine())
    bodies = itertools.count()

    def query(text: str) -> list[object]:
        next(bodies)
        return list(ROWS)

    remembered = functools.lru_cache(query)
    with ToolExecutor(budget_calls=None) as executor:
        executor.register(query, name="cached", cache=True, read_only=True)
        executor.register(query, name="plain", read_only=True)

        def call(tool: str) -> Callable[[int], object]:
            return lambda _number: executor.execute_tool(tool, {"text": "select"})

        contenders = {
            "endstop, answered from the cache": call("cached"),
            "endstop, its body runs": call("plain"),
            "functools.lru_cache": lambda _number: remembered("select"),
        }
        rows = interleave(contenders, callers=1, rounds=10, calls_per_round=300, expected=lambda _number: ROWS)
        made, calls = next(bodies), sum(each.calls for each in rows.values())
        if made >= calls // 2:
            raise SystemExit(f"{made} bodies of {calls} calls: the cache was not used")
        show("Python, a call with the same input (host)", rows, "endstop, its body runs")
    print(flush=True)
    run_node("bench/cached-call.ts")


if __name__ == "__main__":
    main()
