"""What a body gives or raises has methods of its own: they run under the call's deadline, and end nothing else."""

from __future__ import annotations

import asyncio
import datetime
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel, field_validator

from endstop import Outcome, ToolExecutor
from endstop.client import default_placement
from endstop.client.engine import shared_engine
from tests.support.leaks import LeakDetector

Asking = Callable[..., Outcome]


def _sync(executor: ToolExecutor, tool: str, *arguments: Any) -> Outcome:
    return executor.try_execute_tool(tool, *arguments)


def _async(executor: ToolExecutor, tool: str, *arguments: Any) -> Outcome:
    return asyncio.run(executor.atry_execute_tool(tool, *arguments))


in_both_ways = pytest.mark.parametrize("ask", [_sync, _async])


class _HangingText(Exception):
    def __str__(self) -> str:
        time.sleep(1.5)
        return "late"


class _HangingValue:
    def __str__(self) -> str:
        while True:
            pass


class _RaisingCause(Exception):
    @property
    def __cause__(self) -> BaseException:  # type: ignore[override]
        raise ValueError("no cause")


class _ExitingText(Exception):
    def __str__(self) -> str:
        sys.exit(3)


def _raising(problem: BaseException) -> tuple[Callable[[], Any], Callable[[], Any]]:
    def plain() -> Any:
        raise problem

    async def later() -> Any:
        raise problem

    return plain, later


def _register(executor: ToolExecutor, bodies: tuple[Callable[[], Any], ...], **limits: Any) -> list[str]:
    names = [f"tool-{position}" for position, _ in enumerate(bodies)]
    for name, body in zip(names, bodies, strict=True):
        executor.register(body, name=name, **limits)
    return names


@in_both_ways
def test_a_text_that_hangs_ends_at_the_deadline_and_the_next_call_has_its_turn(
    executor: ToolExecutor, ask: Asking
) -> None:
    async def give() -> Any:
        return _HangingValue()

    executor.register(lambda: 1, name="next")
    executor.execute_tool("next")
    for name in _register(executor, (*_raising(_HangingText()), _HangingValue, give), timeout="300ms"):
        began = time.monotonic()
        assert ask(executor, name).status == "timed-out"
        assert ask(executor, "next").value == 1
        assert time.monotonic() - began < 1.4


@in_both_ways
def test_a_cause_or_a_text_that_raises_is_a_failure_like_any_other(executor: ToolExecutor, ask: Asking) -> None:
    for name in _register(executor, (*_raising(_RaisingCause("mine")), *_raising(_ExitingText()))):
        outcome = ask(executor, name)
        assert outcome.failure is not None
        assert outcome.failure.code == "tool-error"


@in_both_ways
@pytest.mark.parametrize("timeout", ["5s", None])
def test_sys_exit_in_a_tool_is_a_failure_with_the_exit_code(
    executor: ToolExecutor, ask: Asking, timeout: str | None
) -> None:
    for name in _register(executor, _raising(SystemExit(2)), timeout=timeout):
        failure = ask(executor, name).failure
        assert failure is not None
        assert failure.error is not None
        assert (failure.error.name, failure.error.message) == ("SystemExit", "exit code 2")


@in_both_ways
@pytest.mark.parametrize("placement", ["host", "worker"])
def test_a_generator_is_drained_to_a_list_under_the_deadline(
    executor: ToolExecutor, ask: Asking, placement: str
) -> None:
    def numbers() -> Iterator[int]:
        yield from range(3)

    async def numbers_later() -> AsyncIterator[int]:
        for number in range(3):
            await asyncio.sleep(0)
            yield number

    async def gives_one() -> Any:
        return numbers()

    def endless() -> Iterator[int]:
        while True:
            time.sleep(0.01)
            yield 1

    bodies = (numbers, numbers_later, gives_one, lambda: numbers_later(), endless)
    *names, last = _register(executor, bodies, placement=placement, timeout="1s")
    assert [ask(executor, name).value for name in names] == [[0, 1, 2]] * 4
    assert ask(executor, last).status == "timed-out"


class _Rebuilt:
    """Does something where its result is rebuilt."""

    def __init__(self, *what: Any) -> None:
        self.what = what

    def __reduce__(self) -> Any:
        return self.what[0], self.what[1:]


def _interrupt() -> None:
    raise KeyboardInterrupt


@in_both_ways
def test_what_unpickles_as_an_exit_or_hangs_is_a_failure_under_the_deadline(
    executor: ToolExecutor, ask: Asking
) -> None:
    bodies = (
        lambda: [_Rebuilt(sys.exit, 2)],
        lambda: [_Rebuilt(_interrupt)],
        lambda: [_Rebuilt(time.sleep, 1.5)],
    )
    for name in _register(executor, bodies, placement="worker", timeout="300ms"):
        began = time.monotonic()
        outcome = ask(executor, name)
        assert outcome.failure is not None
        assert outcome.failure.code == "cannot-move"
        assert "the result cannot be rebuilt here" in outcome.failure.message
        assert time.monotonic() - began < 20
    plain = {"a": [1, 2.5, b"x", (None, {3})], "when": datetime.datetime(2026, 1, 1), "d": Decimal("1.10")}
    executor.register(lambda: plain, name="plain", placement="worker")
    assert ask(executor, "plain").value == plain


class _Slow:
    """Takes its time where it is pickled, and what it becomes where that is unpickled."""

    def __init__(self, pickling_s: float, rebuilding_s: float = 0) -> None:
        self.pickling_s, self.rebuilding_s = pickling_s, rebuilding_s

    def __reduce__(self) -> Any:
        time.sleep(self.pickling_s)
        return time.sleep, (self.rebuilding_s,)


def test_a_default_placement_does_not_wait_for_a_tool_that_hangs_or_exits_as_it_is_pickled(
    leaks: LeakDetector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(default_placement, "PATIENCE_MS", 200.0)

    class Exits:
        def __reduce__(self) -> Any:
            sys.exit(3)

    with ToolExecutor(placement="worker") as executor:
        began = time.monotonic()
        for name, held in (("hangs", _Slow(1)), ("exits", Exits())):
            executor.register(lambda held=held: str(type(held)), name=name)
            assert executor.describe(name)["placement"].value == "host"
        executor.register(lambda: 1, name="goes")
        assert executor.describe("goes")["placement"].value == "worker"
        assert time.monotonic() - began < 10
    shared_engine().end("the test is over")
    hangs, exits = (record.getMessage() for record in caplog.records if record.name == "endstop")
    assert "was not ready to be sent within" in hangs
    assert "SystemExit" in exits


@in_both_ways
def test_a_call_in_a_worker_has_one_deadline_for_preparation_body_and_result(
    executor: ToolExecutor, ask: Asking
) -> None:
    def body(text: Any, body_s: float, rebuilding_s: float) -> Any:
        time.sleep(body_s)
        return _Slow(0, rebuilding_s)

    def failure(argument: Any, body_s: float, rebuilding_s: float = 0) -> Any:
        return ask(executor, "slow", {"text": argument, "body_s": body_s, "rebuilding_s": rebuilding_s}).failure

    executor.register(body, name="slow", placement="worker", timeout="1600ms")
    assert failure("plain", 0) is None
    late = failure(_Slow(1), 1)
    assert late is not None
    assert "to make its tool and input ready for a worker" in late.message
    late = failure(_Slow(0.8), 0.2, 1.3)
    assert late is not None
    assert "the result cannot be rebuilt here: not within 1" in late.message


class _Input(BaseModel):
    what: str

    @field_validator("what")
    @classmethod
    def _act(cls, what: str) -> str:
        if what == "hang":
            time.sleep(1.5)
        if what == "exit":
            sys.exit(3)
        return what


class _Validating:
    name = "validating"
    args_schema = _Input

    def run(self, what: str) -> str:
        return what


class _Unready:
    def __init__(self, what: str) -> None:
        self.what = what

    def __reduce__(self) -> Any:
        return str, (_Input(what=self.what).what,)


@pytest.mark.parametrize("is_async", [False, True])
def test_what_runs_before_the_body_is_under_the_deadline_too(executor: ToolExecutor, is_async: bool) -> None:
    """Validators of the tool's schema, and what an argument does as it is pickled."""

    def codes(tool: str, argument: str, make: Callable[[str], Any]) -> list[str | None]:
        found: list[str | None] = []
        for what in ("good", "exit", "hang"):
            began = time.monotonic()
            arguments = {argument: make(what)}
            if is_async:
                outcome = asyncio.run(executor.atry_execute_tool(tool, arguments))
            else:
                outcome = executor.try_execute_tool(tool, arguments)
            assert time.monotonic() - began < 20
            found.append(outcome.failure and outcome.failure.code)
        return found

    executor.register(_Validating(), name="here", timeout="400ms")
    executor.register(_Validating(), name="moved", timeout="400ms", placement="worker")
    executor.register(lambda text: text, name="argument", timeout="400ms", placement="worker")
    assert codes("here", "what", str) == [None, "invalid-input", "timed-out"]
    assert codes("moved", "what", str) == [None, "invalid-input", "cannot-move"]
    assert codes("argument", "text", _Unready) == [None, "cannot-move", "cannot-move"]
