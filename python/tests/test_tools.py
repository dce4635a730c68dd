"""What may be registered as a tool, how it is called, and what does not fit it."""

from __future__ import annotations

import asyncio
import functools
import pickle
from typing import Any

import pytest
from pydantic import BaseModel, Field

from endstop import EngineError, Outcome, ToolCallError, ToolExecutor
from endstop.client.policy import policy_for_wire
from endstop.client.tools import Misfit, RegisteredTool
from endstop.outcome import Failure


def add(a: int, b: int = 1) -> int:
    return a + b


def only_by_position(a: int, /) -> int:
    return a


def any_keywords(**arguments: Any) -> dict[str, Any]:
    return arguments


class Adder:
    def __call__(self, a: int) -> int:
        return a + 10

    def method(self, a: int) -> int:
        return a + 20


class AsyncCallable:
    async def __call__(self, a: int) -> int:
        return a + 30


class Runs:
    name = "runs"

    def run(self, a: int) -> int:
        return a + 40


class Invoked:
    """As a tool of LangChain."""

    name = "invoked"

    def invoke(self, arguments: dict[str, Any]) -> Any:
        return arguments["a"] + 50

    async def ainvoke(self, arguments: dict[str, Any]) -> Any:
        return arguments["a"] + 51


class Numbers(BaseModel):
    a: int = Field(ge=0)
    b: int = 5


class WithSchema(Runs):
    name = "with_schema"
    args_schema = Numbers

    def run(self, a: int, b: int) -> int:
        return a * b


@pytest.mark.parametrize(
    ("tool", "name", "value"),
    [
        (add, "add", 3),
        (Adder(), "Adder", 12),
        (Adder().method, "method", 22),
        (AsyncCallable(), "AsyncCallable", 32),
        (Runs(), "runs", 42),
        (Invoked(), "invoked", 52),
        (functools.partial(add, b=5), None, 7),
        (any_keywords, "any_keywords", {"a": 2}),
    ],
)
def test_a_tool_has_a_name_and_is_called_with_its_arguments(tool: Any, name: str | None, value: Any) -> None:
    registered = RegisteredTool(tool, "given" if name is None else None)
    assert registered.name == (name or "given")
    assert registered.call(registered.fitting({"a": 2})) == value
    body = registered.async_call({"a": 2})
    result = body()
    if asyncio.iscoroutine(result):
        result = asyncio.run(_awaited(result))
    assert result == (53 if isinstance(tool, Invoked) else value)


async def _awaited(awaitable: Any) -> Any:
    return await awaitable


def test_only_what_has_an_async_body_is_a_coroutine_function() -> None:
    assert asyncio.iscoroutinefunction(RegisteredTool(AsyncCallable(), None).async_call({"a": 1}))
    assert asyncio.iscoroutinefunction(RegisteredTool(Invoked(), None).async_call({"a": 1}))
    assert not asyncio.iscoroutinefunction(RegisteredTool(add, None).async_call({"a": 1}))


@pytest.mark.parametrize(
    ("tool", "arguments", "detail"),
    [
        (add, {}, "missing a required argument: 'a'"),
        (add, {"a": 1, "c": 2}, "got an unexpected keyword argument 'c'"),
        (only_by_position, {"a": 1}, "positional"),
        (WithSchema(), {"a": -1}, "a: Input should be greater than or equal to 0"),
        (WithSchema(), {"a": "many", "b": []}, "a: Input should be a valid integer, unable to parse string"),
        (WithSchema(), {}, "a: Field required"),
    ],
)
def test_what_does_not_fit_says_how(tool: Any, arguments: dict[str, Any], detail: str) -> None:
    with pytest.raises(Misfit) as found:
        RegisteredTool(tool, None).fitting(arguments)
    assert detail in str(found.value)


def test_every_misfit_of_a_schema_is_named() -> None:
    with pytest.raises(Misfit, match=r"^a: .*; b: "):
        RegisteredTool(WithSchema(), None).fitting({"a": "x", "b": "y"})


def test_the_body_gets_what_the_schema_makes_of_its_arguments() -> None:
    tool = RegisteredTool(WithSchema(), None)
    assert tool.fitting({"a": "4"}) == {"a": 4, "b": 5}
    assert tool.call(tool.fitting({"a": "4"})) == 20


def test_a_built_in_function_without_a_signature_takes_what_it_gets() -> None:
    assert RegisteredTool(dict, "dict").call({"x": 1}) == {"x": 1}


# -- options


def test_options_become_the_wire_s_policy() -> None:
    options = {"timeout": "2m", "max_calls": 3, "max_calls_per_run": None, "placement": "worker", "poller": True}
    assert policy_for_wire("tool 'x'", options) == {
        "timeoutMs": 120_000, "maxCalls": 3, "maxCallsPerRun": None, "placement": "worker", "poller": True,
    }  # fmt: skip
    assert policy_for_wire("tool 'x'", {}) == {}
    assert policy_for_wire("tool 'x'", {"timeout": None}) == {"timeoutMs": None}


@pytest.mark.parametrize(
    ("option", "nearest"), [("timeuot", "timeout"), ("max_cals", "max_calls"), ("plaecment", "placement")]
)
def test_an_unknown_option_names_the_nearest(option: str, nearest: str) -> None:
    with pytest.raises(TypeError) as found:
        policy_for_wire("tool 'x'", {option: 1})
    assert f"tool 'x' has no option {option!r}. Did you mean {nearest}" in str(found.value)


@pytest.mark.parametrize(
    "arguments",
    [
        {"resources": {"\ud800": 1}},
        {"agents": {"\ud800": {}}},
        {"redact": ["\ud800"]},
        {"agents": {"Researcher": 5}},
        {"resources": {1: 1}},
        {"agents": {1: {}}},
    ],
)
def test_what_the_engine_could_not_be_told_is_refused_where_it_is_given(arguments: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError), match=r"valid Unicode|must be a (dict|text)"):
        ToolExecutor(**arguments)


# -- errors


def failed(exception: BaseException | None = None) -> Outcome:
    failure = Failure("tool-error", "it broke", "it broke, go on", False, "c1", "x", ("x",), 1.0, 1)
    return Outcome("failed", "c1", "x", ("x",), 1.0, 1, "host", failure=failure, exception=exception)


def test_a_failure_is_raised_from_the_exception_of_the_body() -> None:
    problem = KeyError("mine")
    with pytest.raises(ToolCallError, match="it broke") as found:
        failed(problem).unwrap()
    assert found.value.__cause__ is problem
    assert found.value.failure.code == "tool-error"


def test_a_call_that_succeeded_is_no_error() -> None:
    outcome = Outcome("succeeded", "c1", "x", ("x",), 1.0, 1, "host", value=5)
    assert outcome.unwrap() == 5
    with pytest.raises(ValueError, match="the call of x succeeded"):
        ToolCallError(outcome)


def test_errors_and_outcomes_survive_pickling() -> None:
    error = pickle.loads(pickle.dumps(ToolCallError(failed(KeyError("mine")))))
    assert (error.failure, str(error)) == (failed().failure, "it broke")
    assert isinstance(error.outcome.exception, KeyError)
    engine = pickle.loads(pickle.dumps(EngineError("engine-lost", "gone")))
    assert (engine.code, str(engine)) == ("engine-lost", "gone")


def test_an_outcome_cannot_be_changed() -> None:
    outcome = failed()
    with pytest.raises(AttributeError):
        outcome.status = "succeeded"  # type: ignore[misc]
    assert outcome.failure is not None
    with pytest.raises(AttributeError):
        outcome.failure.code = "other"  # type: ignore[misc]
