"""Who steps through a tool is not hurried, and `ENDSTOP=0` takes everything away."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from bdb import Bdb
from collections.abc import Iterator
from trace import Trace
from typing import Any

import pytest

from endstop import ToolCallError, ToolExecutor, switches
from endstop.client import debugging as module
from endstop.client import executor as executor_module
from endstop.client.debugging import debugging
from endstop.switches import is_debug_forced, is_turned_off


@pytest.fixture(autouse=True)
def untold(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(module, "_told", False)
    monkeypatch.delenv("ENDSTOP_DEBUG", raising=False)
    module._is_forced.cache_clear()
    yield
    module._is_forced.cache_clear()


def traced(trace: Any) -> bool:
    """What `debugging()` says on a thread that is traced: the test runner's own trace stays as it is."""
    found: list[bool] = []

    def look() -> None:
        sys.settrace(trace)
        try:
            found.append(debugging())
        finally:
            sys.settrace(None)

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    return found[0]


class _Debugger(Bdb):
    def trace_dispatch(self, *_: Any) -> None:  # type: ignore[override]
        return None


def test_nobody_debugs_by_default() -> None:
    assert not traced(None)


def test_a_debugger_is_seen_and_what_else_traces_is_none() -> None:
    def trace(*_: Any) -> None:
        return None

    assert not traced(trace)
    assert not traced(Trace(count=1, trace=0).globaltrace)
    assert traced(_Debugger().trace_dispatch)
    trace.__module__ = "_pydevd_bundle.pydevd_trace_dispatch_regular"
    assert traced(trace)


if sys.version_info >= (3, 12):

    def test_a_debugger_that_monitors_is_seen() -> None:
        sys.monitoring.use_tool_id(sys.monitoring.DEBUGGER_ID, "a debugger")
        try:
            assert traced(None)
        finally:
            sys.monitoring.free_tool_id(sys.monitoring.DEBUGGER_ID)


def test_it_says_so_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("ENDSTOP_DEBUG", "1")
    with caplog.at_level(logging.WARNING, "endstop"):
        assert [debugging() for _ in range(3)] == [True] * 3
    assert [record.message for record in caplog.records] == [
        "Endstop sees a debugger or ENDSTOP_DEBUG=1: tools run in this process and have no deadlines."
    ]


# -- ENDSTOP=0


@pytest.fixture
def off(monkeypatch: pytest.MonkeyPatch) -> ToolExecutor:
    """An executor that is turned off; whoever asks for an engine fails."""
    monkeypatch.setenv("ENDSTOP", "0")
    monkeypatch.setattr(executor_module, "Session", lambda **_: pytest.fail("no session here"))
    executor = ToolExecutor(timeout_seconds="1ms")

    def add(a: int, b: int = 1) -> int:
        return a + b

    async def later(a: int) -> int:
        await asyncio.sleep(0.01)
        return a

    executor.register(add, max_calls=1, placement="worker")
    executor.register(later)
    executor.register(lambda: {}["missing"], name="fail")
    executor.register(threading.get_ident, name="where")
    return executor


def test_turned_off_tools_run_in_the_caller_s_thread_without_limits(off: ToolExecutor) -> None:
    with off.run():
        assert [off.execute_tool("add", {"a": 1}) for _ in range(9)] == [2] * 9
    assert off.execute_tool("where") == threading.get_ident()
    assert off.execute_tool("later", {"a": 7}) == 7
    outcome = off.try_execute_tool("add", {"a": 1})
    assert (outcome.status, outcome.attempts, outcome.placement) == ("succeeded", 1, "host")


def test_turned_off_failures_keep_their_shape(off: ToolExecutor) -> None:
    with pytest.raises(ToolCallError) as found:
        off.execute_tool("fail")
    assert found.value.failure.code == "tool-error"
    assert isinstance(found.value.__cause__, KeyError)
    unknown, unfit = off.try_execute_tool("ad"), off.try_execute_tool("add", {"c": 1})
    assert unknown.failure is not None
    assert (unknown.failure.code, "Did you mean add" in unknown.failure.message) == ("unknown-tool", True)
    assert unfit.failure is not None
    assert (unfit.failure.code, unfit.attempts) == ("invalid-input", 0)


def test_turned_off_async_calls_do_not_block_the_loop(off: ToolExecutor) -> None:
    async def scenario() -> list[Any]:
        return [await off.aexecute_tool("later", {"a": 3}), await off.aexecute_tool("where")]

    value, thread = asyncio.run(scenario())
    assert value == 3
    assert thread != threading.get_ident()
    assert asyncio.run(off.atry_execute_tool("nothing")).status == "rejected"


def test_turned_off_misuse_is_still_refused(off: ToolExecutor) -> None:
    with pytest.raises(ValueError, match="must be at least 1, got 0"):
        off.set_tool_limit("add", 0)
    with pytest.raises(TypeError, match="args must be a dict"):
        off.execute_tool("add", [1])  # type: ignore[arg-type]
    off.close()
    with pytest.raises(RuntimeError, match="closed"):
        off.execute_tool("add", {"a": 1})


@pytest.mark.parametrize("word", ["1", " TRUE ", "on", "yes"])
def test_both_switches_take_the_same_words(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENDSTOP_DEBUG", word)
    monkeypatch.setenv("ENDSTOP", word)
    assert debugging()
    assert not is_turned_off()
    for off in ("0", "False", "off", "NO", ""):
        module._is_forced.cache_clear()
        monkeypatch.setenv("ENDSTOP_DEBUG", off)
        assert not debugging()


@pytest.mark.parametrize(("name", "taken"), [("ENDSTOP", "on"), ("ENDSTOP_DEBUG", "off")])
def test_a_word_that_no_switch_knows_is_one_warning(name: str, taken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "maybe")
    switches._warn_once.cache_clear()
    with pytest.warns(RuntimeWarning, match=f"{name} must be one of 1, .* got 'maybe': taken as {taken}") as told:
        found = [(is_turned_off(), is_debug_forced()) for _ in range(2)]
    assert found == [(False, False)] * 2
    assert len(told) == 1
