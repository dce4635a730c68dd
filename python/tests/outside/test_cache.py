"""A cached tool's result answers calls without a body, wherever it ran. Bodies are counted by what they write."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from endstop import ToolExecutor
from tests.outside import tools
from tests.outside.test_engine_faults import engine_pid

each_placement = pytest.mark.parametrize("placement", ["host", "worker"])


@each_placement
def test_an_answer_is_a_value_of_its_own_and_no_body(executor: ToolExecutor, tmp_path: Path, placement: str) -> None:
    notes = tmp_path / "notes"
    executor.register(tools.note_then_give, name="read", placement=placement, cache=True)

    def args() -> dict[str, Any]:
        return {"path": str(notes), "value": {"rows": [(1, b"x", None)], "big": 2**70}}

    first = executor.try_execute_tool("read", args())
    first.value["rows"].append("changed by its caller")
    with executor.run():
        second = executor.try_execute_tool("read", args())
        second.value["rows"].append("changed again")
        third = asyncio.run(executor.atry_execute_tool("read", args()))
    assert third.value == args()["value"]
    assert type(third.value["rows"][0]) is tuple
    assert [outcome.attempts for outcome in (first, second, third)] == [1, 0, 0]
    assert notes.read_text() == "x"


@each_placement
def test_none_is_kept_and_a_failure_is_not(executor: ToolExecutor, tmp_path: Path, placement: str) -> None:
    executor.register(tools.note_then_give, name="read", placement=placement, cache=True)
    for value, bodies in (None, "x"), (ZeroDivisionError("down"), "xx"):
        notes = tmp_path / f"notes-{bodies}"
        outcomes = [executor.try_execute_tool("read", {"path": str(notes), "value": value}) for _ in range(2)]
        assert [outcome.value for outcome in outcomes] == [None, None]
        assert [outcome.succeeded for outcome in outcomes] == [value is None] * 2
        assert notes.read_text() == bodies


def test_what_would_lose_something_as_a_copy_is_never_kept(executor: ToolExecutor) -> None:
    class Rows(list[int]):
        pass

    made: list[Any] = [Rows([1]), {"deep": threading.Lock()}, "\ud800"]
    given: list[Any] = []

    def read(which: int) -> Any:
        given.append(which)
        return made[which]

    executor.register(read, cache=True)
    for which, value in enumerate(made):
        assert [executor.execute_tool("read", {"which": which}) is value for _ in range(2)] == [True, True]
    assert given == [0, 0, 1, 1, 2, 2]


@each_placement
def test_identical_calls_at_once_share_one_body(executor: ToolExecutor, tmp_path: Path, placement: str) -> None:
    notes = tmp_path / "notes"
    executor.register(tools.note_then_sleep, name="read", placement=placement, cache=True)
    args = {"path": str(notes), "seconds": 0.5}
    with ThreadPoolExecutor(10) as threads:
        outcomes = list(threads.map(lambda _: executor.try_execute_tool("read", args), range(10)))
    assert [outcome.succeeded for outcome in outcomes] == [True] * 10
    assert sorted(outcome.attempts for outcome in outcomes) == [0] * 9 + [1]
    assert notes.read_text() == "x"


def test_a_cancel_of_the_call_that_ran_the_body_fails_no_other(executor: ToolExecutor) -> None:
    begun = [asyncio.Event(), asyncio.Event()]
    bodies = 0

    async def read() -> str:
        nonlocal bodies
        bodies += 1
        begun[bodies - 1].set()
        if bodies == 1:
            await asyncio.sleep(60)
        return "x"

    executor.register(read, cache=True, read_only=True)

    async def scenario() -> list[str]:
        first = asyncio.ensure_future(executor.aexecute_tool("read"))
        await begun[0].wait()
        others = [asyncio.ensure_future(executor.aexecute_tool("read")) for _ in range(5)]
        await asyncio.sleep(0.05)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        return list(await asyncio.gather(*others))

    assert asyncio.run(scenario()) == ["x"] * 5
    assert bodies == 2


def test_an_engine_that_is_killed_takes_its_results_along_and_those_that_waited_run(executor: ToolExecutor) -> None:
    release = threading.Event()
    bodies = []

    def read() -> str:
        bodies.append(1)
        release.wait(20)
        return "x"

    executor.register(read, cache=True)
    executor.register(tools.add)
    executor.execute_tool("add", {"a": 1, "b": 2})
    with ThreadPoolExecutor(3) as threads:
        calls = [threads.submit(executor.execute_tool, "read") for _ in range(3)]
        while not bodies:
            pass
        os.kill(engine_pid(), signal.SIGKILL)
        release.set()
        assert [call.result(30) for call in calls] == ["x"] * 3
    assert executor.execute_tool("read") == "x"
