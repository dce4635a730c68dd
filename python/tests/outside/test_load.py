"""Many calls at once: all end, each with its own result, and the caps hold."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

from endstop import ToolExecutor
from endstop.client.batch import BatchCall


class Gauge:
    """How many are inside at once, and the most that were."""

    def __init__(self) -> None:
        self.now = 0
        self.most = 0
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self.now -= 1


def wait(n: int) -> int:
    time.sleep(0.2)
    return n


async def wait_async(n: int) -> int:
    await asyncio.sleep(0.2)
    return n


def test_1000_threads_call_at_once_and_each_has_its_own_result(executor: ToolExecutor) -> None:
    executor.register(wait)
    results: dict[int, Any] = {}
    threads = [
        threading.Thread(target=lambda n=n: results.update({n: executor.execute_tool("wait", {"n": n})}), daemon=True)
        for n in range(1_000)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert results == {n: n for n in range(1_000)}
    stats = executor.stats()
    assert (stats.in_flight, stats.total.by_status) == (0, {"succeeded": 1_000})


def test_1000_tasks_call_at_once_and_each_has_its_own_result(executor: ToolExecutor) -> None:
    executor.register(wait_async)

    async def main() -> list[Any]:
        calls = (executor.aexecute_tool("wait_async", {"n": n}) for n in range(1_000))
        return await asyncio.wait_for(asyncio.gather(*calls), 60)

    assert asyncio.run(main()) == list(range(1_000))
    assert executor.stats().in_flight == 0


def test_800_calls_of_one_answer_with_caps_of_ten_and_one_and_three_dependencies(executor: ToolExecutor) -> None:
    fetching, writing = Gauge(), Gauge()
    ended: list[str] = []

    async def fetch(n: int) -> str:
        with fetching:
            await asyncio.sleep(0.01)
        ended.append(f"fetch {n}")
        return f"fetched {n}"

    async def write(n: int) -> str:
        with writing:
            await asyncio.sleep(0)
        ended.append(f"write {n}")
        return f"wrote {n}"

    executor.register(fetch, max_concurrent=10)
    executor.register(write, max_concurrent=1)
    calls: list[BatchCall] = []
    for n in range(400):
        calls.append({"tool": "write", "args": {"n": n}, "name": f"write {n}"})
        calls.append({"tool": "fetch", "args": {"n": n}, "name": f"fetch {n}"})
    for first, then in ((0, 1), (2, 3), (1, 4)):
        calls[2 * first]["after"] = [f"fetch {then}"]
    executor.register(lambda: None, name="start_the_engine")
    executor.execute_tool("start_the_engine")
    outcomes = asyncio.run(executor.aexecute_batch(calls))
    assert [outcome.value for outcome in outcomes] == [
        f"{what} {n}" for n in range(400) for what in ("wrote", "fetched")
    ]
    assert (fetching.most, writing.most) == (10, 1)
    for first, then in ((0, 1), (2, 3), (1, 4)):
        assert ended.index(f"fetch {then}") < ended.index(f"write {first}")
    # Of one run and tool, calls start as they came, but for those that waited for another one.
    writes = [int(entry.split()[1]) for entry in ended if entry.startswith("write")]
    free = [n for n in writes if n not in (0, 1, 2)]
    assert free == sorted(free)
