"""What ToolExecutor.stats() says, and that it costs no call."""

from __future__ import annotations

import threading
import time

import pytest

from endstop import ToolExecutor
from endstop.client.engine import shared_engine
from tests.support import worker_tools


def test_stats_count_calls_by_outcome_and_time_waits_and_bodies() -> None:
    with ToolExecutor(max_total_concurrent=1, timeout_seconds=30) as executor:
        executor.register(lambda: time.sleep(0.1), name="slow")
        executor.register(lambda: 1 / 0, name="broken")
        executor.register(worker_tools.session_and_parent, name="pid", placement="worker")
        threads = [threading.Thread(target=executor.try_execute_tool, args=("slow",)) for _ in range(3)]
        for thread in threads:
            thread.start()
        time.sleep(0.05)
        during = executor.stats()
        for thread in threads:
            thread.join()
        for name in ("broken", "no_such_tool", "pid"):
            executor.try_execute_tool(name)
        after = executor.stats()
    shared_engine().end("the test is over")
    assert during.in_flight + during.total.calls == 3
    assert during.permits["engine"].in_use == 1
    assert during.permits["engine"].limit == 1
    assert (after.total.calls, after.total.bodies, after.in_flight, after.waiting) == (6, 5, 0, 0)
    assert after.total.by_status == {"succeeded": 4, "failed": 1, "rejected": 1}
    assert after.total.by_code == {"tool-error": 1, "unknown-tool": 1}
    slow = after.tools["slow"]
    assert (slow.run_ms.count, slow.run_ms.p50 >= 95, slow.wait_ms.max >= 150) == (3, True, True)
    assert after.tools["pid"].by_status == {"succeeded": 1}
    assert after.pressure == ()
    assert after.workers.busy == 0
    assert after.workers.idle + after.workers.starting >= 1
    assert after.memory.engine_bytes > 10_000_000
    assert after.memory.workers_bytes is None or after.memory.workers_bytes > 0


def test_turned_off_nothing_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENDSTOP", "0")
    executor = ToolExecutor()
    executor.register(len, name="length")
    assert (executor.stats().total.calls, executor.stats().in_flight, executor.calls_in_flight()) == (0, 0, [])
    assert executor.describe("length")["timeout"].value is None
