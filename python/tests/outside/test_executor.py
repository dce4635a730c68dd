"""ToolExecutor as a user calls it: values, outcomes, async twins, limits, nesting, and what is refused."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from endstop import Outcome, ToolCallError, ToolExecutor
from endstop.client.engine import shared_engine
from tests.outside import tools
from tests.support import worker_tools


def search(query: str, count: int = 1) -> str:
    return f"{count} results for {query}"


async def later(value: Any) -> Any:
    await asyncio.sleep(0)
    return value


def code_of(outcome: Outcome) -> str:
    assert outcome.failure is not None, outcome
    return outcome.failure.code


# -- the named signatures


def test_a_call_gives_the_value_of_the_tool(executor: ToolExecutor) -> None:
    executor.register(search)
    executor.register(dict, name="nothing")
    assert executor.execute_tool("search", {"query": "x", "count": 3}) == "3 results for x"
    assert executor.execute_tool("nothing") == {}
    assert executor.execute_tool(tool_name="search", args={"query": "y"}) == "1 results for y"


def test_an_outcome_says_what_happened(executor: ToolExecutor) -> None:
    executor.register(search)
    outcome = executor.try_execute_tool("search", {"query": "x"})
    assert (outcome.status, outcome.value, outcome.tool, outcome.path) == (
        "succeeded", "1 results for x", "search", ("search",),
    )  # fmt: skip
    assert (outcome.attempts, outcome.placement, outcome.failure, outcome.succeeded) == (1, "host", None, True)
    assert outcome.elapsed_ms > 0
    assert executor.try_execute_tool("search", {"query": "x"}).call_id != outcome.call_id


@pytest.mark.parametrize("placement", ["host", "worker"])
def test_the_model_reads_the_beginning_of_a_large_result_and_the_application_has_the_whole(
    executor: ToolExecutor, placement: str
) -> None:
    executor.register(tools.text_of, placement=placement, max_result="1kB")
    small, large = (executor.try_execute_tool("text_of", {"size": size}) for size in (1_000, 50_000))
    assert small.for_model == small.value
    assert len(large.value) == 50_000
    assert large.for_model.startswith("text_of returned 50 kB; the first 95")
    assert len(large.for_model) <= 1_000


def test_a_value_keeps_its_identity_on_the_host(executor: ToolExecutor) -> None:
    value = object()
    executor.register(lambda: value, name="get")
    assert executor.execute_tool("get") is value


def test_a_coroutine_function_may_be_called_without_a_loop(executor: ToolExecutor) -> None:
    executor.register(later)
    assert executor.execute_tool("later", {"value": 5}) == 5


def test_the_async_twins_run_a_coroutine_in_the_caller_s_loop(executor: ToolExecutor) -> None:
    async def where() -> int:
        return id(asyncio.get_running_loop())

    executor.register(where)
    executor.register(search)

    async def scenario() -> None:
        assert await executor.aexecute_tool("where") == id(asyncio.get_running_loop())
        assert (await executor.atry_execute_tool("search", {"query": "x"})).value == "1 results for x"
        assert code_of(await executor.atry_execute_tool("serch")) == "unknown-tool"
        with pytest.raises(ToolCallError):
            await executor.aexecute_tool("search", {})

    asyncio.run(scenario())


def test_the_context_manager_closes_and_a_closed_executor_takes_no_calls() -> None:
    with ToolExecutor() as executor:
        executor.register(search)
    with pytest.raises(RuntimeError, match="this ToolExecutor is closed"):
        executor.execute_tool("search", {"query": "x"})
    executor.close()

    async def scenario() -> ToolExecutor:
        async with ToolExecutor() as inner:
            inner.register(search)
            assert await inner.aexecute_tool("search", {"query": "x"})
        return inner

    closed = asyncio.run(scenario())
    with pytest.raises(RuntimeError, match="closed"):
        asyncio.run(closed.atry_execute_tool("search"))
    shared_engine().end("the test is over")


def test_closing_cancels_the_calls_in_flight(executor: ToolExecutor) -> None:
    executor.register(worker_tools.sleep, placement="worker")
    outcomes: list[Outcome] = []
    caller = threading.Thread(
        target=lambda: outcomes.append(executor.try_execute_tool("sleep", {"seconds": 60})), name="caller"
    )
    caller.start()
    time.sleep(0.3)
    executor.close()
    caller.join(20)
    assert [outcome.status for outcome in outcomes] == ["cancelled"]


# -- misuse, and input that does not fit


def test_a_tool_named_twice_is_refused_and_the_first_stays(executor: ToolExecutor) -> None:
    executor.register(search)
    with pytest.raises(ValueError, match="a tool named 'search' is registered already"):
        executor.register(lambda: "other", name="search")
    assert executor.execute_tool("search", {"query": "x"}) == "1 results for x"


@pytest.mark.parametrize(
    ("tool", "name", "kind", "message"),
    [
        (42, None, TypeError, "a tool must be a function, or an object with .name and .run or .invoke, got 42"),
        (lambda: 1, None, ValueError, "a lambda has no name"),
        (search, "", ValueError, "at least one character"),
        (search, 7, TypeError, "a tool's name must be a text, got 7"),
        (search, "a\ud800", ValueError, "lone surrogate"),
    ],
)
def test_what_cannot_be_a_tool_is_refused(tool: Any, name: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as found:
        ToolExecutor().register(tool, name=name)
    assert message in str(found.value)


BAD_COUNTS = [0, -1, float("nan"), float("inf"), 1.5, 2.0, "10", True, [], 2**53]
BAD_TIMEOUTS = [0, -1, float("nan"), float("inf"), "", "30", "-1s", "0s", "10 parsecs", "1d", True, [], 10**10]


@pytest.mark.parametrize("value", BAD_COUNTS, ids=repr)
def test_a_limit_that_cannot_be_is_refused_at_once_with_its_value(value: Any) -> None:
    executor = ToolExecutor()
    executor.register(search)
    attempts = [
        lambda: ToolExecutor(max_recursion_depth=value),
        lambda: executor.register(search, name="other", max_calls=value),
        lambda: executor.register(search, name="other", max_calls_per_run=value),
        lambda: executor.set_tool_limit("search", value),
    ]
    for attempt in attempts:
        with pytest.raises((TypeError, ValueError)) as found:
            attempt()
        assert repr(value) in str(found.value)
    executor.register(search, name="other")


@pytest.mark.parametrize("value", BAD_TIMEOUTS, ids=repr)
def test_a_timeout_that_cannot_be_is_refused_at_once_with_its_value(value: Any) -> None:
    executor = ToolExecutor()
    attempts = [
        lambda: ToolExecutor(timeout_seconds=value),
        lambda: executor.register(search, timeout=value),
    ]
    for attempt in attempts:
        with pytest.raises((TypeError, ValueError)) as found:
            attempt()
        assert repr(value) in str(found.value)


@pytest.mark.parametrize(
    ("option", "value", "kind"),
    [("placement", "moon", ValueError), ("placement", None, TypeError), ("poller", 1, TypeError)],
)
def test_another_option_that_cannot_be_is_refused_at_once(option: str, value: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind) as found:
        ToolExecutor().register(search, **{option: value})
    assert option in str(found.value)
    assert repr(value) in str(found.value)


def test_an_unknown_tool_is_told_the_nearest_names(executor: ToolExecutor) -> None:
    assert code_of(executor.try_execute_tool("anything")) == "unknown-tool"
    executor.register(search)
    executor.register(search, name="weather")
    outcome = executor.try_execute_tool("serch", {"query": "x"})
    assert (outcome.status, code_of(outcome), outcome.attempts) == ("rejected", "unknown-tool", 0)
    assert outcome.failure is not None
    assert outcome.failure.message == "There is no tool named serch. Did you mean search?"
    with pytest.raises(ToolCallError, match="There is no tool named serch"):
        executor.execute_tool("serch")
    with pytest.raises(ValueError, match=r"there is no tool named 'wether'\. Did you mean weather"):
        executor.set_tool_limit("wether", 3)


@pytest.mark.parametrize("placement", ["host", "worker"])
@pytest.mark.parametrize(
    ("args", "detail"),
    [
        ({}, "missing a required argument: 'query'"),
        ({"query": "x", "colour": "red"}, "got an unexpected keyword argument 'colour'"),
        ({"Query": "x"}, "missing a required argument: 'query'"),
    ],
)
def test_arguments_that_do_not_fit_start_no_body_and_spend_no_limit(
    executor: ToolExecutor, placement: str, args: dict[str, Any], detail: str
) -> None:
    executor.register(search, max_calls=1, placement=placement)
    outcome = executor.try_execute_tool("search", args)
    assert (outcome.status, code_of(outcome), outcome.attempts) == ("rejected", "invalid-input", 0)
    assert outcome.failure is not None
    assert detail in outcome.failure.message
    assert executor.execute_tool("search", {"query": "x"}) == "1 results for x"


@pytest.mark.parametrize("args", ["x", ["x"], 5, ("query", "x")], ids=repr)
def test_arguments_that_are_no_dict_are_a_type_error(executor: ToolExecutor, args: Any) -> None:
    executor.register(search)
    with pytest.raises(TypeError, match="args must be a dict of keyword arguments, got "):
        executor.try_execute_tool("search", args)
    with pytest.raises(TypeError, match="tool_name must be a text, got None"):
        executor.try_execute_tool(None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "query", ["\ud800", b"\xff", float("nan"), object(), 10**5000, {1: 2}], ids=lambda q: str(type(q))
)
def test_an_argument_without_an_encoding_still_reaches_its_tool(executor: ToolExecutor, query: Any) -> None:
    executor.register(lambda query: query, name="same")
    with executor.run():
        for _ in range(2):
            assert executor.execute_tool("same", {"query": query}) is query


# -- failures


@pytest.mark.parametrize("placement", ["host", "worker"])
def test_the_traceback_of_a_failing_body_is_the_cause(executor: ToolExecutor, placement: str) -> None:
    executor.register(worker_tools.fail_with_causes, placement=placement)
    with pytest.raises(ToolCallError) as found:
        executor.execute_tool("fail_with_causes")
    failure = found.value.failure
    assert (failure.code, found.value.outcome.status, failure.attempts) == ("tool-error", "failed", 1)
    assert failure.error is not None
    assert failure.error.cause is not None
    assert (failure.error.name, failure.error.cause.name) == ("ValueError", "KeyError")
    assert isinstance(found.value.__cause__, ValueError)
    shown = "".join(traceback.format_exception(found.value))
    assert "in fail_with_causes" in shown
    assert 'raise ValueError("the outer failure")' in shown


def test_the_exception_of_a_host_body_is_the_very_object(executor: ToolExecutor) -> None:
    problem = KeyError("mine")

    def fail() -> None:
        raise problem

    executor.register(fail)
    assert executor.try_execute_tool("fail").exception is problem


@pytest.mark.parametrize("placement", ["host", "worker"])
def test_a_tool_that_hangs_is_timed_out_and_the_next_call_works(executor: ToolExecutor, placement: str) -> None:
    stop = threading.Event()
    body = worker_tools.sleep if placement == "worker" else (lambda seconds: stop.wait(seconds) and None)
    executor.register(body, name="sleep", timeout="200ms", placement=placement)
    executor.try_execute_tool("sleep", {"seconds": 0})  # what has to be started is
    begun = time.monotonic()
    outcome = executor.try_execute_tool("sleep", {"seconds": 60})
    assert time.monotonic() - begun < 5
    assert (outcome.status, code_of(outcome), outcome.attempts) == ("timed-out", "timed-out", 1)
    assert outcome.failure is not None
    assert "limit 200 ms" in outcome.failure.message
    assert executor.try_execute_tool("sleep", {"seconds": 0}).status == "succeeded"
    stop.set()


def test_the_executor_s_timeout_holds_where_the_tool_says_nothing_else() -> None:
    stop = threading.Event()
    with ToolExecutor(timeout_seconds=0.1) as executor:
        executor.register(stop.wait, name="short")
        executor.register(lambda: stop.wait(0.3), name="long", timeout=None)
        assert executor.try_execute_tool("short").status == "timed-out"
        assert executor.try_execute_tool("long").status == "succeeded"
    stop.set()
    shared_engine().end("the test is over")


# -- limits


def test_a_limit_is_exact_whoever_calls_at_once(executor: ToolExecutor, tmp_path: Path) -> None:
    bodies = tmp_path / "bodies"

    def note(number: int) -> int:
        with bodies.open("ab", buffering=0) as file:
            file.write(b"x")
        return number

    executor.register(note, max_calls=10)
    start = threading.Barrier(8)

    def thread(number: int) -> list[Outcome]:
        start.wait()
        if number % 4 == 3:

            async def loop() -> list[Outcome]:
                return await asyncio.gather(*(executor.atry_execute_tool("note", {"number": n}) for n in range(13)))

            return asyncio.run(loop())
        return [executor.try_execute_tool("note", {"number": n}) for n in range(13 if number < 2 else 12)]

    with ThreadPoolExecutor(8) as threads:
        outcomes = [outcome for found in threads.map(thread, range(8)) for outcome in found]
    assert len(outcomes) == 100
    assert bodies.stat().st_size == 10
    assert sum(outcome.succeeded for outcome in outcomes) == 10
    assert {code_of(outcome) for outcome in outcomes if not outcome.succeeded} == {"usage-limit"}


def test_a_limit_is_exact_in_workers_too(executor: ToolExecutor, tmp_path: Path) -> None:
    bodies = tmp_path / "bodies"
    executor.register(worker_tools.note, placement="worker", max_calls=10)
    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(lambda _: executor.try_execute_tool("note", {"path": str(bodies)}), range(40)))
    assert bodies.stat().st_size == 10
    assert sum(outcome.succeeded for outcome in outcomes) == 10


def test_a_limit_set_later_counts_the_calls_that_were_made(executor: ToolExecutor) -> None:
    executor.register(search)
    for number in range(3):
        executor.execute_tool("search", {"query": str(number)})
    executor.set_tool_limit("search", 4)
    assert executor.try_execute_tool("search", {"query": "a"}).succeeded
    rejected = executor.try_execute_tool("search", {"query": "b"})
    assert (code_of(rejected), rejected.attempts) == ("usage-limit", 0)
    assert rejected.failure is not None
    assert "the limit is 4 calls" in rejected.failure.message
    executor.set_tool_limit("search", None)
    assert executor.try_execute_tool("search", {"query": "b"}).succeeded


def test_a_limit_of_a_run_counts_in_each_run_anew(executor: ToolExecutor) -> None:
    executor.register(search, max_calls_per_run=1)
    for _ in range(2):
        with executor.run():
            assert executor.try_execute_tool("search", {"query": "a"}).succeeded
            assert code_of(executor.try_execute_tool("search", {"query": "b"})) == "usage-limit"
    assert executor.try_execute_tool("search", {"query": "c"}).succeeded


def test_two_executors_do_not_share_names_or_limits(executor: ToolExecutor) -> None:
    executor.register(search, max_calls=1)
    with ToolExecutor() as other:
        other.register(lambda: "other", name="search")
        assert executor.execute_tool("search", {"query": "x"}) == "1 results for x"
        assert [other.execute_tool("search") for _ in range(3)] == ["other"] * 3


def test_tools_that_call_tools_stop_at_the_maximum_depth() -> None:
    with ToolExecutor(max_recursion_depth=3, max_reentry=None) as executor:
        depths: list[int] = []

        def dive(depth: int) -> Outcome:
            depths.append(depth)
            return executor.try_execute_tool("dive", {"depth": depth + 1})

        executor.register(dive)
        outcome = executor.try_execute_tool("dive", {"depth": 1})
        assert depths == [1, 2, 3]
        deepest = outcome.value.value.value
        assert (deepest.status, code_of(deepest), deepest.path) == ("rejected", "depth-exceeded", ("dive",) * 4)

        async def adive(depth: int) -> Any:
            return await executor.atry_execute_tool("adive", {"depth": depth + 1})

        executor.register(adive)
        found = asyncio.run(executor.atry_execute_tool("adive", {"depth": 1})).value.value.value
        assert found.path == ("adive",) * 4
    shared_engine().end("the test is over")


def test_a_loop_is_seen_within_a_run_and_only_there(executor: ToolExecutor) -> None:
    executor.register(search)
    args = {"query": "again"}
    assert all(executor.try_execute_tool("search", args).succeeded for _ in range(6))
    with executor.run():
        outcomes = [executor.try_execute_tool("search", dict(reversed({**args, "count": 1}.items()))) for _ in range(4)]
    assert [outcome.status for outcome in outcomes] == ["succeeded"] * 3 + ["rejected"]
    assert outcomes[2].notice is not None
    assert "3 times" in outcomes[2].notice
    assert code_of(outcomes[3]) == "repeated-call"


def test_context_variables_reach_the_body(executor: ToolExecutor) -> None:
    user: contextvars.ContextVar[str] = contextvars.ContextVar("user", default="nobody")
    executor.register(user.get, name="who")
    user.set("Ada")
    assert executor.execute_tool("who") == "Ada"
    assert asyncio.run(executor.aexecute_tool("who")) == "Ada"


def test_a_limit_is_exact_although_workers_die(executor: ToolExecutor, tmp_path: Path) -> None:
    bodies = tmp_path / "bodies"
    executor.register(tools.note_then_perhaps_die, placement="worker", max_calls=10)
    calls = [{"path": str(bodies), "dies": number % 2 == 0} for number in range(40)]
    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(lambda args: executor.try_execute_tool("note_then_perhaps_die", args), calls))
    assert bodies.stat().st_size == 10
    assert sum(outcome.attempts for outcome in outcomes) == 10
    assert {code_of(outcome) for outcome in outcomes if not outcome.succeeded} <= {"usage-limit", "worker-crashed"}
