"""SIGKILL and SIGSTOP to a worker as it loads, runs, answers and idles. Other processes: test_fault_points.py."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import psutil
import pytest

from endstop import Outcome, ToolExecutor
from tests.support import fault_tools
from tests.support.fake_engine import eventually, state_of
from tests.support.leaks import LeakDetector

STATES = ["as the tool is loaded", "in the body", "as the result is pickled", "after the answer"]


@pytest.fixture
def workers(executor: ToolExecutor) -> ToolExecutor:
    for tool in (fault_tools.pid, fault_tools.end_now, fault_tools.end_soon, fault_tools.result_that_ends):
        executor.register(tool, placement="worker", timeout="2s")
    executor.execute_tool("pid")
    return executor


def ended_at(state: str, name: str, executor: ToolExecutor) -> Outcome:
    if state == "as the tool is loaded":
        executor.register(fault_tools.EndsAsItIsLoaded(name), name="loading", placement="worker", timeout="2s")
        return executor.try_execute_tool("loading")
    tool = {"in the body": "end_now", "as the result is pickled": "result_that_ends"}.get(state, "end_soon")
    return executor.try_execute_tool(tool, {"name": name})


@pytest.mark.parametrize("state", STATES)
def test_a_worker_killed_at_any_state_gives_one_outcome_and_the_next_call_works(
    workers: ToolExecutor, state: str
) -> None:
    outcome = ended_at(state, "SIGKILL", workers)
    if state == "after the answer":
        assert outcome.status == "succeeded"
        assert eventually(lambda: state_of(outcome.value) is None)
    else:
        assert outcome.failure is not None
        loading = state == "as the tool is loaded"
        expected = ("tool-load-failed", 0) if loading else ("worker-crashed", 1)
        assert (outcome.failure.code, outcome.attempts) == expected
    assert workers.execute_tool("pid") != os.getpid()


@pytest.mark.parametrize("state", STATES)
def test_a_worker_that_stands_still_is_killed_at_the_deadline(workers: ToolExecutor, state: str) -> None:
    outcome = ended_at(state, "SIGSTOP", workers)
    if state == "after the answer":
        assert eventually(lambda: state_of(outcome.value) == "T")
        # The next call is given to it, and never begins: it is said to be not run.
        outcome = workers.try_execute_tool("pid")
    assert outcome.failure is not None
    began = state not in ("as the tool is loaded", "after the answer")
    expected = ("timed-out", 1) if began else ("wait-timed-out", 0)
    assert (outcome.failure.code, outcome.attempts) == expected
    assert workers.execute_tool("pid") != os.getpid()


@pytest.mark.timeout(240)
def test_1000_kills_in_a_row_leave_everything_as_it_was(workers: ToolExecutor, leaks: LeakDetector) -> None:
    workers.register(fault_tools.ignore_sigterm_and_spin, placement="worker", timeout="10ms")

    def kill(times: int) -> None:
        for _ in range(times):
            outcome = workers.try_execute_tool("ignore_sigterm_and_spin")
            assert outcome.status == "timed-out", outcome

    def processes() -> list[psutil.Process]:
        return psutil.Process().children(recursive=True)

    def settled() -> dict[str, int]:
        workers.execute_tool("pid")
        assert eventually(lambda: len(processes()) <= 5)  # engine, template, and at most the warm workers
        time.sleep(0.2)
        engine_and_template = [process for process in processes() if process.pid in before_kills]
        return {
            "processes": len(processes()),
            "descriptors": sum(process.num_fds() for process in engine_and_template) + psutil.Process().num_fds(),
            "sockets": sum(leaks.directory in line for line in Path("/proc/net/unix").read_text().splitlines()),
            "files": sum(len(files) for _, _, files in os.walk(leaks.directory)),
        }

    before_kills = {process.pid for process in processes()}
    kill(20)
    time.sleep(1.2)  # by then the engine has started the thread that watches its parent: five descriptors
    before = settled()
    memory = sum(process.memory_info().rss for process in processes() if process.pid in before_kills)
    kill(1_000)
    assert settled() == before
    grown = sum(process.memory_info().rss for process in processes() if process.pid in before_kills) - memory
    # Measured: 33 MB at most, while the engine's heap fills up; over 3,000 kills it grew by 49 MB.
    assert grown < 60_000_000, f"engine and template grew by {grown} bytes in 1,000 kills"


def test_signals_reach_only_the_worker_they_are_meant_for(workers: ToolExecutor) -> None:
    """A worker that a body has told to stop and go on is none the worse."""
    worker = workers.execute_tool("pid")
    os.kill(worker, signal.SIGSTOP)
    threading.Timer(0.2, os.kill, (worker, signal.SIGCONT)).start()
    assert workers.execute_tool("pid") == worker
