"""A tool that may be repeated is tried again when it raised or crashed. Bodies are counted by what they write."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from endstop import ToolExecutor
from tests.outside import tools
from tests.outside.test_engine_faults import engine_pid


@pytest.mark.parametrize("placement", ["host", "worker"])
def test_a_read_only_tool_is_tried_again_and_one_with_effects_is_not(
    executor: ToolExecutor, tmp_path: Path, placement: str
) -> None:
    retried: dict[str, Any] = {"max_attempts": 3, "retry_delay": "2ms", "placement": placement}
    executor.register(tools.note_then_fail_until, name="read", read_only=True, **retried)
    executor.register(tools.note_then_fail_until, name="write", **retried)
    read, write, never = ({"path": str(tmp_path / name), "count": 3} for name in ("read", "write", "never"))
    never["count"] = 9
    outcome = executor.try_execute_tool("read", read)
    assert (outcome.value, outcome.attempts) == (3, 3)
    outcome = asyncio.run(executor.atry_execute_tool("read", never))
    assert outcome.failure is not None
    assert (outcome.failure.code, outcome.attempts) == ("tool-error", 3)
    assert str(outcome.exception) == "body 3"
    outcome = executor.try_execute_tool("write", write)
    assert (outcome.succeeded, outcome.attempts) == (False, 1)
    assert [(tmp_path / name).read_text() for name in ("read", "never", "write")] == ["xxx", "xxx", "x"]


def test_a_worker_that_crashes_is_followed_by_another_attempt(executor: ToolExecutor, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    executor.register(tools.note_then_perhaps_die, name="look", placement="worker", idempotent=True, max_attempts=2)
    outcome = executor.try_execute_tool("look", {"path": str(notes), "dies": True})
    assert outcome.failure is not None
    assert (outcome.failure.code, outcome.attempts) == ("worker-crashed", 2)
    assert notes.read_text() == "xx"


def test_a_cancel_ends_the_wait_for_the_next_attempt(executor: ToolExecutor) -> None:
    failed = threading.Event()

    def fail() -> None:
        failed.set()
        raise OSError("down")

    executor.register(fail, read_only=True, max_attempts=50, retry_delay="100s", max_retry_delay="100s")
    outcomes = []
    caller = threading.Thread(target=lambda: outcomes.append(executor.try_execute_tool("fail")))
    caller.start()
    assert failed.wait(20)
    while not (calls := executor.calls_in_flight()):
        time.sleep(0.01)
    time.sleep(0.05)
    executor.cancel(calls[0].call_id)
    caller.join(20)
    assert outcomes[0].failure.code == "cancelled"
    assert outcomes[0].attempts == 1


def test_the_next_attempt_follows_also_where_the_engine_is_killed_while_it_is_waited_for(
    executor: ToolExecutor, tmp_path: Path
) -> None:
    notes = tmp_path / "notes"
    limits: dict[str, Any] = {"read_only": True, "max_attempts": 3, "max_calls": 3, "retry_delay": "4s"}
    executor.register(tools.note_then_fail_until, name="read", **limits)
    outcomes = []
    args = {"path": str(notes), "count": 2}
    caller = threading.Thread(target=lambda: outcomes.append(executor.try_execute_tool("read", args)))
    caller.start()
    while not notes.exists():
        time.sleep(0.005)
    time.sleep(0.1)
    os.kill(engine_pid(), signal.SIGKILL)
    caller.join(30)
    assert (outcomes[0].value, notes.read_text()) == (2, "xx")
    executor.register(tools.add)
    assert executor.execute_tool("add", {"a": 1, "b": 2}) == 3
