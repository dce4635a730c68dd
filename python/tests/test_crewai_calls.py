"""Tools that code calls itself, and how bodies run: threads, loops, contexts, workers."""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading
import time
from typing import Any

import pytest
from crewai.flow.flow import Flow, start
from crewai.lite_agent import LiteAgent
from crewai.tools import BaseTool, tool
from crewai.tools.tool_failure import ToolFailure
from pydantic import Field

from endstop import ToolCallError
from endstop.crewai import guard, install
from endstop.demo.scripted import Ask, ScriptedLLM
from tests.support.crews import PATHS, make_agent, make_crew, plain_crewai_afterwards, run_crew  # noqa: F401
from tests.support.worker_crewai_tools import Holding, HoldingSlowToPickle, ProcessId, Sleeping

each_path = pytest.mark.parametrize("path", PATHS)
request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="none")


class Echo(BaseTool):
    """Gives its argument back, and remembers where it ran."""

    name: str = "echo"
    description: str = "Echoes."
    threads: list[int] = Field(default_factory=list)
    contexts: list[str] = Field(default_factory=list)

    def _run(self, value: Any) -> Any:
        self.threads.append(threading.get_ident())
        self.contexts.append(request_id.get())
        return value

    async def _arun(self, value: Any) -> Any:
        return self._run(value)


class Failing(BaseTool):
    name: str = "failing"
    description: str = "Fails."
    problem: Any = None

    def _run(self) -> Any:
        raise self.problem


class ExitingText(Exception):
    def __str__(self) -> str:
        raise SystemExit(2)


@each_path
@pytest.mark.parametrize("timeout", [None, 30])
def test_what_a_tool_raises_does_not_end_its_crew(path: str, timeout: float | None) -> None:
    says: dict[BaseException, str] = {
        SystemExit(2): "SystemExit: exit code 2",
        KeyboardInterrupt("the body's own"): "KeyboardInterrupt",
        BaseException("odd"): "odd",
        asyncio.CancelledError(): "CancelledError",
        ExitingText(): "ExitingText",
    }
    install(timeout=timeout)
    for problem, said in says.items():
        result = run_crew([Failing(problem=problem)], [Ask("failing"), "done"], path=path)
        assert result.answer == "done"
        assert said in result.tool_texts[0]


def test_a_plain_run_keeps_its_thread_and_the_identity_of_its_result() -> None:
    install()
    one, value = Echo(), object()
    assert one.run(value=value) is value
    assert one.threads == [threading.get_ident()]


def test_a_plain_run_with_a_deadline_runs_on_a_body_thread_with_the_callers_context() -> None:
    install(timeout=30)
    one, value = Echo(), object()
    token = request_id.set("r-1")
    try:
        assert one.run(value=value) is value
    finally:
        request_id.reset(token)
    assert one.threads != [threading.get_ident()]
    assert one.contexts == ["r-1"]


@each_path
def test_a_context_variable_reaches_the_body_of_an_agents_tool(path: str) -> None:
    install(timeout=30)
    one = Echo()
    token = request_id.set("r-2")
    try:
        run_crew([one], [Ask("echo", {"value": 1}), "done"], path=path)
    finally:
        request_id.reset(token)
    assert one.contexts == ["r-2"]


@pytest.mark.parametrize("timeout", [None, 30])
def test_a_plain_run_raises_the_tools_own_exception(timeout: Any) -> None:
    install(timeout=timeout)
    problem = KeyError("mine")
    with pytest.raises(KeyError) as caught:
        Failing(problem=problem).run()
    assert caught.value is problem


def test_a_plain_run_over_its_limit_raises_tool_call_error() -> None:
    install(tools={"echo": {"max_calls": 1}})
    one = Echo()
    one.run(value=1)
    with pytest.raises(ToolCallError) as caught:
        one.run(value=1)
    assert caught.value.failure.code == "usage-limit"
    assert len(one.threads) == 1


def test_a_plain_run_past_its_deadline_raises_tool_call_error() -> None:
    install(tools={"sleeping": {"timeout": "100ms"}})
    started_s = time.monotonic()
    with pytest.raises(ToolCallError, match="passed its deadline"):
        Sleeping().run(seconds=10)
    assert time.monotonic() - started_s < 5


def test_a_plain_run_outside_of_a_run_has_no_loop_guard() -> None:
    install()
    one = Echo()
    assert [one.run(value=1) for _ in range(10)] == [1] * 10


def test_a_plain_run_keeps_crewais_validation_and_usage_limit() -> None:
    install()
    one = Echo(max_usage_count=1)
    with pytest.raises(ValueError, match="arguments validation failed"):
        one.run(wrong=1)
    assert one.run(value=1) == 1
    assert isinstance(one.run(value=1), ToolFailure)
    assert one.current_usage_count == 1


def test_a_structured_tool_is_guarded_by_itself() -> None:
    install(tools={"echo": {"max_calls": 1}})
    structured = Echo().to_structured_tool()
    assert structured.invoke({"value": 5}) == 5
    with pytest.raises(ToolCallError, match=r"usage|limit"):
        structured.invoke({"value": 5})


def test_a_tool_that_calls_another_makes_two_calls_and_one_that_calls_super_makes_one() -> None:
    class Loud(Echo):
        def run(self, *args: Any, **kwargs: Any) -> Any:
            return super().run(*args, **kwargs)

    @tool("outer")
    def outer(value: int) -> Any:
        """Calls echo twice."""
        return [loud.run(value=value), loud.run(value=value)]

    install(tools={"echo": {"max_calls": 2}, "outer": {"max_calls": 1}})
    loud = Loud()
    assert outer.run(value=3) == [3, 3]
    with pytest.raises(ToolCallError):
        loud.run(value=3)


@each_path
def test_a_subclass_with_a_run_of_its_own_is_guarded_once(path: str) -> None:
    class Loud(Echo):
        def run(self, *args: Any, **kwargs: Any) -> Any:
            return f"loud {super().run(*args, **kwargs)}"

    install(tools={"echo": {"max_calls": 1}})
    one = Loud()
    guarded = run_crew([one], [Ask("echo", {"value": 1}), Ask("echo", {"value": 2}), "done"], path=path)
    assert len(one.threads) == 1
    assert guarded.tool_texts[0] == ("loud 1" if path == "native" else "1")
    assert [record.failure.code for record in guarded.tool_failures] == ["usage-limit"]


def test_an_async_body_runs_in_the_callers_loop() -> None:
    install(timeout=30)
    one = Echo()

    async def main() -> None:
        assert await one.arun(value=4) == 4
        assert one.threads == [threading.get_ident()]

    asyncio.run(main())


def test_an_async_body_past_its_deadline_is_cancelled() -> None:
    cancelled = threading.Event()

    @tool("slow")
    async def slow() -> str:
        """Sleeps."""
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return "late"

    install(timeout="100ms")

    async def main() -> None:
        with pytest.raises(ToolCallError, match="passed its deadline"):
            await slow.arun()

    asyncio.run(main())
    assert cancelled.wait(5)


def test_ainvoke_awaits_async_functions_and_carries_the_context_into_its_threads() -> None:
    install()

    @tool("slow")
    async def slow(value: int) -> int:
        """Waits a little."""
        await asyncio.sleep(0)
        return value

    one = Echo()

    async def main() -> None:
        request_id.set("r-3")
        assert await slow.to_structured_tool().ainvoke({"value": 6}) == 6
        assert await one.to_structured_tool().ainvoke({"value": 7}) == 7

    asyncio.run(main())
    assert one.contexts == ["r-3"]


def test_a_crew_kicked_off_in_a_loop_is_one_run() -> None:
    install(tools={"echo": {"max_calls_per_run": 1}})
    one = Echo()
    crew, model = make_crew([one], [Ask("echo", {"value": 1}), Ask("echo", {"value": 2}), "done"])
    output = asyncio.run(crew.akickoff())
    assert output.raw == "done"
    assert len(one.threads) == 1
    assert model.calls == 3


def test_a_flow_is_one_run_around_its_agents() -> None:
    install(tools={"echo": {"max_calls_per_run": 1}})
    one = Echo()

    class Twice(Flow[Any]):
        @start()
        async def go(self) -> str:
            for value in (1, 2):
                model = ScriptedLLM.following([Ask("echo", {"value": value}), "done"])
                await make_agent([one], model).kickoff_async("Do it.")
            return "ok"

    assert Twice().kickoff() == "ok"
    assert len(one.threads) == 1


def test_the_lite_agent_is_guarded() -> None:
    install(tools={"echo": {"max_calls_per_run": 1}})
    one = Echo()
    model = ScriptedLLM.following([Ask("echo", {"value": 1}), Ask("echo", {"value": 2}), "done"], native=False)
    with pytest.warns(FutureWarning):
        agent = LiteAgent(role="Tester", goal="test", backstory="tests", llm=model, tools=[one])
    assert agent.kickoff("Do it.").raw == "done"
    assert len(one.threads) == 1


def test_a_function_that_a_model_class_calls_itself_is_guarded() -> None:
    install(tools={"double": {"max_calls": 1}})
    model = ScriptedLLM.following(["done"])

    def double(n: int) -> int:
        return 2 * n

    first = model._handle_tool_execution("double", {"n": 2}, {"double": double})
    second = model._handle_tool_execution("double", {"n": 3}, {"double": double})
    assert first == "4"
    assert second is not None
    assert second.startswith("double was not run")


@each_path
def test_a_tool_placed_in_a_worker_runs_in_another_process(path: str) -> None:
    import os

    install(tools={"process id": {"placement": "worker"}})
    guarded = run_crew([ProcessId()], [Ask("process_id", {}), "done"], path=path)
    assert int(guarded.tool_texts[0]) != os.getpid()


def test_a_tool_in_a_worker_that_spins_is_killed_on_time() -> None:
    install(tools={"sleeping": {"placement": "worker", "timeout": "300ms"}})
    started_s = time.monotonic()
    with pytest.raises(ToolCallError, match="passed its deadline"):
        Sleeping().run(seconds=60)
    assert time.monotonic() - started_s < 20


@pytest.mark.parametrize("is_async", [False, True])
def test_what_a_tool_does_as_it_is_pickled_for_its_worker_is_under_the_deadline(is_async: bool) -> None:
    install(tools={"slow to pickle": {"placement": "worker", "timeout": "300ms"}})
    tool = HoldingSlowToPickle()
    started_s = time.monotonic()
    with pytest.raises(ToolCallError, match="not ready to be sent within"):
        asyncio.run(tool.arun()) if is_async else tool.run()
    assert time.monotonic() - started_s < 2


@each_path
def test_a_tool_that_cannot_move_to_its_worker_says_which_part(path: str) -> None:
    install(tools={"holding": {"placement": "worker"}})
    guarded = run_crew([Holding()], [Ask("holding", {}), "done"], path=path)
    (record,) = guarded.tool_failures
    assert record.failure.code == "cannot-move"
    assert "client" in record.failure.details["message"]


@pytest.mark.parametrize(
    ("path", "default"),
    [("native", {"placement": "worker"}), ("text", {"agents": {"tester": {"placement": "worker"}}})],
)
def test_a_default_placement_passes_over_what_cannot_move(
    path: str, default: Any, caplog: pytest.LogCaptureFixture
) -> None:
    install(**default)
    guarded = run_crew([Holding(), ProcessId()], [Ask("holding"), Ask("process_id"), "done"], path=path)
    held, moved = guarded.tool_texts
    assert (guarded.tool_failures, int(moved) != os.getpid()) == ([], True), held
    lines = [record.getMessage() for record in caplog.records if record.name == "endstop"]
    assert [line.startswith("holding runs on the host, where it cannot be stopped") for line in lines] == [True]


def test_guard_guards_one_tool_without_an_installation() -> None:
    guarded, plain = Echo(), Echo()
    assert guard(guarded, max_calls=1) is guarded
    assert guarded.run(value=1) == 1
    with pytest.raises(ToolCallError):
        guarded.run(value=1)
    assert [plain.run(value=1) for _ in range(3)] == [1, 1, 1]


@each_path
def test_guard_wins_over_install_and_holds_in_a_crew(path: str) -> None:
    install(tools={"echo": {"max_calls": 1}})
    one = guard(Echo(), max_calls=2)
    asks = [Ask("echo", {"value": n}) for n in range(3)]
    guarded = run_crew([one], [*asks, "done"], path=path)
    assert len(one.threads) == 2
    assert [record.failure.code for record in guarded.tool_failures] == ["usage-limit"]
