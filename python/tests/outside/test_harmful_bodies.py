"""What a body in a worker does to its own process ends its call alone: not the engine, nor another's call."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from endstop import Outcome, ToolExecutor
from tests.outside import harmful_tools
from tests.outside.test_engine_faults import engine_pid
from tests.support import worker_tools

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the harm is Linux's")

CRASHES: list[Callable[[], Any]] = [
    harmful_tools.becomes_another_program,
    harmful_tools.ends_as_another_program,
    harmful_tools.closes_all_and_sleeps,
    harmful_tools.closes_all_and_computes,
    harmful_tools.puts_a_pipe_in_their_place,
    harmful_tools.shuts_down_their_sockets,
    harmful_tools.writes_what_is_no_frame,
]


def code_of(outcome: Outcome) -> str | None:
    return None if outcome.failure is None else outcome.failure.code


def test_harm_to_its_own_process_ends_a_bodys_call_alone(executor: ToolExecutor) -> None:
    """Each with a memory quota, so that it is in a cgroup where this machine has them, beside a call that goes on."""
    for tool in CRASHES:
        executor.register(tool, placement="worker", memory="256MB", timeout="20s")
    executor.register(harmful_tools.stops_itself, placement="worker", timeout="1s")
    executor.register(worker_tools.sleep, placement="worker", timeout="60s")
    executor.register(worker_tools.add, placement="worker")
    beside: list[Outcome] = []
    assert executor.execute_tool("add", {"a": 1, "b": 1}) == 2
    engine = engine_pid()
    call = threading.Thread(target=lambda: beside.append(executor.try_execute_tool("sleep", {"seconds": 8})))
    call.start()
    for tool in CRASHES:
        outcome = executor.try_execute_tool(tool.__name__)
        assert (code_of(outcome), outcome.attempts) == ("worker-crashed", 1), tool.__name__
        assert executor.execute_tool("add", {"a": 20, "b": 22}) == 42
    assert code_of(executor.try_execute_tool("stops_itself")) == "timed-out"
    call.join(60)
    assert [outcome.status for outcome in beside] == ["succeeded"]
    assert engine_pid() == engine


def test_what_a_body_changes_of_its_process_for_good_does_not_meet_the_next_body(
    executor: ToolExecutor, tmp_path: Path
) -> None:
    folder = {"folder": str(tmp_path / "folder")}
    (tmp_path / "root").mkdir()
    harms: list[tuple[Callable[..., Any], dict[str, str]]] = [
        (harmful_tools.lowers_its_limits, {}),
        (harmful_tools.blocks_signals, {}),
        (harmful_tools.becomes_nicer, {}),
        (harmful_tools.forbids_itself_new_rights, {}),
        (harmful_tools.goes_where_nothing_is, folder),
        (harmful_tools.replaces_its_standard_streams, {}),
        (harmful_tools.forgets_its_modules, {}),
    ]
    if os.getuid() == 0:
        harms += [
            (harmful_tools.becomes_another_user, {}),
            (harmful_tools.changes_its_root, {"folder": str(tmp_path / "root")}),
        ]
    executor.register(harmful_tools.standing_now, placement="worker")
    executor.register(worker_tools.add, placement="worker")
    before = executor.execute_tool("standing_now")
    for tool, arguments in harms:
        executor.register(tool, placement="worker")
        outcome = executor.try_execute_tool(tool.__name__, arguments)
        assert outcome.status == "succeeded", (tool.__name__, outcome)
        assert executor.execute_tool("standing_now") == before, tool.__name__
        assert executor.execute_tool("add", {"a": 20, "b": 22}) == 42, tool.__name__


def test_a_body_that_signals_its_parent_does_not_end_it(executor: ToolExecutor) -> None:
    executor.register(harmful_tools.signals_its_parent, placement="worker")
    executor.register(worker_tools.sleep, placement="worker")
    beside: list[Outcome] = []
    parent = executor.execute_tool("signals_its_parent")
    call = threading.Thread(target=lambda: beside.append(executor.try_execute_tool("sleep", {"seconds": 1})))
    call.start()
    assert executor.execute_tool("signals_its_parent") == parent
    call.join(30)
    assert [outcome.status for outcome in beside] == ["succeeded"]


def test_a_body_that_writes_over_all_open_files_is_not_run_twice(executor: ToolExecutor, tmp_path: Path) -> None:
    executor.register(harmful_tools.writes_over_all_files, placement="worker")
    bodies = tmp_path / "bodies"
    outcome = executor.try_execute_tool("writes_over_all_files", {"path": str(bodies)})
    assert (code_of(outcome), outcome.attempts, bodies.read_text()) == ("worker-crashed", 1, "x")
