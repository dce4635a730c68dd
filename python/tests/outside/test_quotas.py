"""Quotas of a call in a worker, over all its processes: what passes one is killed, and no other call."""

from __future__ import annotations

import re
import threading
import time

import pytest

from endstop import Failure, Outcome, ToolExecutor
from tests.support import worker_tools
from tests.support.leaks import LeakDetector

MEGABYTE = 1_000_000


@pytest.fixture
def limited(executor: ToolExecutor) -> ToolExecutor:
    executor.register(worker_tools.allocate, placement="worker", memory="256MB", timeout="50s")
    executor.register(worker_tools.burn, placement="worker", cpu_time="500ms", timeout="50s")
    executor.register(worker_tools.multiply, placement="worker", max_processes=5, timeout="50s")
    executor.register(worker_tools.make_bytes, placement="worker", max_output="10kB")
    executor.register(worker_tools.sleep, placement="worker", memory="256MB", cpu_time="10s", max_processes=1)
    executor.execute_tool("sleep", {"seconds": 0})
    return executor


def failure_of(outcome: Outcome, code: str) -> Failure:
    assert outcome.failure is not None, outcome
    assert (outcome.failure.code, outcome.status, outcome.attempts) == (code, "killed", 1), outcome
    return outcome.failure


def observed_megabytes(failure: Failure) -> float:
    found = re.search(r"used ([0-9.]+) MB of memory, limit 256 MB", failure.message)
    assert found, failure.message
    return float(found[1])


@pytest.mark.parametrize(
    "how",
    ["bytearray", "numpy", "child process", "forked children", "shared memory", "swallowing MemoryError"],
)
def test_a_limit_of_256_mb_ends_a_call_that_uses_1_gb_and_no_other(
    limited: ToolExecutor, leaks: LeakDetector, how: str
) -> None:
    neighbour: list[Outcome] = []
    beside = threading.Thread(
        target=lambda: neighbour.append(limited.try_execute_tool("sleep", {"seconds": 1.5})), daemon=True
    )
    beside.start()
    failure = failure_of(limited.try_execute_tool("allocate", {"how": how, "megabytes": 1_000}), "memory-quota")
    # Measured: up to 27 MB past the limit on a busy machine of 2 cores. What is asserted is that it never got far.
    assert 256 <= observed_megabytes(failure) < 700  # rounded for the message
    beside.join(30)
    assert [outcome.status for outcome in neighbour] == ["succeeded"]
    assert limited.execute_tool("allocate", {"how": "numpy", "megabytes": 100}) == 100 * MEGABYTE


def test_memory_that_a_call_only_asks_for_and_is_refused_is_told_as_an_error_that_names_the_limit(
    limited: ToolExecutor,
) -> None:
    failure = limited.try_execute_tool("allocate", {"how": "bytearray", "megabytes": 20_000}).failure
    assert failure is not None
    assert failure.code == "tool-error"
    assert "with a memory limit of 256 MB, its worker is refused more than 1280 MB" in failure.message


@pytest.mark.parametrize("how", ["here", "threads", "children in turn", "children nobody waits for"])
def test_processor_time_counts_over_threads_and_children(limited: ToolExecutor, how: str) -> None:
    begun = time.monotonic()
    failure = failure_of(limited.try_execute_tool("burn", {"how": how}), "cpu-quota")
    found = re.search(r"used ([0-9.]+) (ms|s) of CPU time, limit 500 ms", failure.message)
    assert found, failure.message
    assert 500 < float(found[1]) * (1 if found[2] == "ms" else 1_000) < 2_000
    assert time.monotonic() - begun < 40


def test_sleeping_uses_no_processor_time(limited: ToolExecutor) -> None:
    assert limited.try_execute_tool("sleep", {"seconds": 1}).status == "succeeded"


def test_more_processes_than_allowed_end_the_call_with_all_of_them(limited: ToolExecutor, leaks: LeakDetector) -> None:
    failure = failure_of(limited.try_execute_tool("multiply", {"count": 40}), "process-quota")
    assert "limit 5" in failure.message


def test_a_result_larger_than_allowed_is_not_handed_on(limited: ToolExecutor) -> None:
    failure = failure_of(limited.try_execute_tool("make_bytes", {"size": 20_000}), "output-quota")
    assert "20 kB, limit 10 kB" in failure.message
    assert len(limited.execute_tool("make_bytes", {"size": 9_000})) == 9_000


def test_what_earlier_calls_left_in_a_worker_is_not_charged_to_the_next(executor: ToolExecutor) -> None:
    executor.register(worker_tools.keep, placement="worker", memory="100MB")
    for _ in range(3):  # 60 MB more each time, in one worker that stays below its recycling
        assert executor.execute_tool("keep", {"megabytes": 60}) == 60 * MEGABYTE
