"""Harm around calls at every state: one outcome each, the right one; keys once, limits exact; the next works."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from endstop import Outcome, ToolExecutor
from endstop.client import engine
from endstop.client.engine import shared_engine
from endstop.client.process import engine_command
from tests.outside.test_engine_faults import engine_pid
from tests.outside.test_fault_points import BODIES_CRASH, ENGINE_LOST, SUCCEEDED
from tests.support import fault_tools
from tests.support.call_states import CLOSES, EXECUTES, MAX_WORK, CallsAtEveryState
from tests.support.fake_engine import eventually
from tests.support.leaks import LeakDetector
from tests.support.small_disk import SmallDisk, small_disk
from tests.support.stepped_clock import SteppedClock

Harm = Callable[[CallsAtEveryState, pytest.MonkeyPatch], None]
NOTHING_LOST = dict.fromkeys(BODIES_CRASH, SUCCEEDED)


@pytest.fixture(autouse=True)
def engine_that_ends(leaks: LeakDetector) -> Iterator[None]:
    yield
    shared_engine().end("the test is over")


def kill_the_engine(calls: CallsAtEveryState, _: pytest.MonkeyPatch) -> None:
    calls.fault()
    os.kill(engine_pid(), signal.SIGKILL)


def kill_two_engines(after_s: float) -> Harm:
    """The second so long after it was ready, while it takes up what the first knew."""

    def kill(calls: CallsAtEveryState, patched: pytest.MonkeyPatch) -> None:
        greet = engine._greet

        def greet_and_kill(link: Any, *said: Any) -> Any:
            patched.setattr(engine, "_greet", greet)
            connection = greet(link, *said)
            threading.Timer(after_s, os.kill, (link.pid, signal.SIGKILL)).start()
            return connection

        patched.setattr(engine, "_greet", greet_and_kill)
        kill_the_engine(calls, patched)

    return kill


def stop_the_engine(calls: CallsAtEveryState, _: pytest.MonkeyPatch) -> None:
    calls.fault()
    os.kill(engine_pid(), signal.SIGSTOP)


def tidy(calls: CallsAtEveryState, _: pytest.MonkeyPatch) -> None:
    calls.fault()
    for folder in Path(os.environ["TMPDIR"]).iterdir():
        shutil.rmtree(folder)
    calls.release()


def tidy_and_kill(calls: CallsAtEveryState, patched: pytest.MonkeyPatch) -> None:
    for folder in Path(os.environ["TMPDIR"]).iterdir():
        shutil.rmtree(folder)
    kill_the_engine(calls, patched)


def harm_itself(calls: CallsAtEveryState, _: pytest.MonkeyPatch) -> None:
    calls.fault(f"{EXECUTES} {CLOSES}")


@pytest.mark.parametrize(
    ("harm", "expected", "bodies"),
    [
        pytest.param(kill_two_engines(0), ENGINE_LOST, None, id="two engines are killed"),
        pytest.param(kill_two_engines(0.05), ENGINE_LOST, None, id="two engines are killed, the second later"),
        pytest.param(stop_the_engine, ENGINE_LOST, None, id="the engine stands still"),
        pytest.param(tidy, NOTHING_LOST, MAX_WORK, id="the folder is tidied"),
        pytest.param(tidy_and_kill, ENGINE_LOST, None, id="the folder is tidied and the engine killed"),
        pytest.param(harm_itself, BODIES_CRASH, MAX_WORK, id="bodies become other programs or close all descriptors"),
    ],
)
def test_harm_gives_each_call_one_outcome_and_no_body_too_many(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    harm: Harm,
    expected: dict[str, tuple[str, int]],
    bodies: int | None,
) -> None:
    with ToolExecutor(rejections_to_end_agent=None) as executor:
        executor.register(fault_tools.pid, placement="worker", timeout="20s")
        calls = CallsAtEveryState(executor, tmp_path, "60s")
        harm(calls, monkeypatch)
        judge(calls, expected, bodies, harm is tidy_and_kill)


def judge(
    calls: CallsAtEveryState, expected: dict[str, tuple[str, int]], bodies: int | None, is_forgotten: bool = False
) -> None:
    """`bodies`: that exactly so many ran; else no more than may."""
    ended = calls.end()
    code, attempts = ended.pop("between attempts")
    # Without a journal the next engine does not know that it may be tried again.
    assert (code, attempts > 1) == (("tool-error", False) if is_forgotten else ("succeeded", True))
    assert ended == expected
    # One that the second loss hits is lost as well.
    assert eventually(lambda: calls.executor.try_execute_tool("pid").status == "succeeded")
    ran = calls.use_up()
    assert ran == bodies if bodies is not None else ran <= MAX_WORK
    assert calls.executor.calls_in_flight() == []


@pytest.fixture
def disk(leaks: LeakDetector, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallDisk]:
    with small_disk(8) as disk:
        if disk is None:
            pytest.skip("a full disk: none can be mounted here, which takes Linux and its administrator")
        for name in ("TMPDIR", "ENDSTOP_TMPDIR"):
            monkeypatch.setenv(name, str(disk.folder))
        monkeypatch.setattr(tempfile, "tempdir", None)
        yield disk
        shared_engine().end("the test is over")
        assert list(disk.folder.iterdir()) == []


def test_a_full_disk_refuses_calls_by_name_loses_none_and_is_forgotten(disk: SmallDisk, tmp_path: Path) -> None:
    with ToolExecutor(rejections_to_end_agent=None) as executor:
        executor.register(fault_tools.pid, placement="worker", timeout="20s")
        executor.register(lambda text: text, name="echo")
        calls = CallsAtEveryState(executor, tmp_path, "60s")
        disk.fill()
        refused = [executor.try_execute_tool("echo", {"text": str(number)}) for number in range(100)][-1]
        calls.fault()
        calls.release()
        assert refused.failure is not None
        assert (refused.failure.code, refused.failure.retryable, refused.attempts) == ("not-recorded", True, 0)
        assert "ENOSPC" in refused.failure.message
        calls.end()
        disk.empty()
        judge(calls, NOTHING_LOST, MAX_WORK)


def test_a_clock_that_is_set_between_engines_changes_no_limit(executor: ToolExecutor) -> None:
    clock = SteppedClock()
    bodies: list[int] = []
    shared_engine()._command = clock.command
    try:
        executor.register(lambda: bodies.append(1), name="rated", rate_limit="3/1m")
        outcomes: list[Outcome] = []
        for shift_s in (0.0, 120.0, -86_400.0, 0.0):
            clock.shift_s = shift_s
            if outcomes:
                os.kill(engine_pid(), signal.SIGKILL)
            outcomes += [executor.try_execute_tool("rated") for _ in range(2)]
    finally:
        shared_engine()._command = engine_command
    failures = [outcome.failure for outcome in outcomes[3:]]
    assert len(bodies) == 3
    assert {failure and failure.code for failure in failures} == {"rate-limit"}
    texts = [failure.message for failure in failures if failure]
    assert all(re.search(r"may start again in [1-6]?\d(\.\d+)? s\.", text) for text in texts), texts


def test_a_loop_that_was_stopped_holds_no_permit_at_any_state_of_its_calls(executor: ToolExecutor) -> None:
    """Its calls run, wait for the permit, wait for their next attempt."""
    seconds = 60.0
    tries = 0

    async def wait() -> str:
        await asyncio.sleep(seconds)
        return "done"

    async def fail() -> str:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise OSError("once")
        return "done"

    limits: Any = {"timeout": "300ms", "cancel_grace": "100ms", "max_concurrent": 1}
    executor.register(wait, **limits)
    executor.register(fail, **limits, max_attempts=2, retry_delay="200ms", read_only=True)
    executor.register(lambda: 1, name="one")
    assert executor.execute_tool("one") == 1
    loop = asyncio.new_event_loop()

    async def start() -> list[asyncio.Task[Outcome]]:
        names = ("wait", "wait", "fail")
        tasks = [asyncio.create_task(executor.atry_execute_tool(name)) for name in names]
        await asyncio.sleep(0.1)
        return tasks

    tasks = loop.run_until_complete(start())
    seconds = 0
    found: dict[str, Outcome] = {}
    asking = [
        threading.Thread(target=lambda name=name: found.update({name: executor.try_execute_tool(name)}))
        for name in ("wait", "fail")
    ]
    began_s = time.monotonic()
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join(20)
    assert {name: outcome.value for name, outcome in found.items()} == {"wait": "done", "fail": "done"}
    assert time.monotonic() - began_s < 10
    assert executor.calls_in_flight() == []
    ended = loop.run_until_complete(asyncio.gather(*tasks))
    loop.close()
    # The third may have been tried again before its loop was stopped.
    assert [outcome.status for outcome in ended][:2] == ["timed-out"] * 2
    assert ended[2].status in ("timed-out", "succeeded")
