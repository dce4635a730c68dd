"""What agents see of their tools: on success, on a tool's own failure, and around CrewAI's cache and hooks."""

from __future__ import annotations

from typing import Any

import pytest
from crewai.hooks.tool_hooks import (
    register_after_tool_call_hook,
    register_before_tool_call_hook,
    unregister_after_tool_call_hook,
    unregister_before_tool_call_hook,
)
from crewai.lite_agent import LiteAgent
from crewai.tools import BaseTool, tool
from crewai.tools.tool_failure import ToolFailureReason

from endstop.crewai import install
from endstop.demo.scripted import Ask, ScriptedLLM
from tests.support.crews import PATHS, Result, make_agent, plain_crewai_afterwards, run_crew  # noqa: F401

pytestmark = pytest.mark.parametrize("path", PATHS)


class Counting(BaseTool):
    """Counts its bodies; what it does is up to the subclass."""

    name: str = "look up"
    description: str = "Looks a word up."
    bodies: int = 0

    def _run(self, word: str) -> Any:
        self.bodies += 1
        return f"found {word}"


class Raising(Counting):
    name: str = "charge card"

    def _run(self, amount: int) -> Any:
        self.bodies += 1
        raise ConnectionError(f"bank is away after {amount}")


LOOK_UP = Ask("look_up", {"word": "x"})
CHARGE = Ask("charge_card", {"amount": 3})


def the_same(plain: Result, guarded: Result) -> None:
    """Everything an agent, a task and a listener see of the two kickoffs is equal."""
    assert guarded.answer == plain.answer
    assert guarded.model_calls == plain.model_calls
    assert guarded.tool_texts == plain.tool_texts
    assert guarded.tool_failures_seen == plain.tool_failures_seen
    assert guarded.events_seen == plain.events_seen
    assert guarded.tools_errors == plain.tools_errors


def test_a_tool_that_succeeds_looks_as_on_plain_crewai(path: str) -> None:
    plain = run_crew([Counting()], [LOOK_UP, "done"], path=path)
    install()
    one = Counting()
    guarded = run_crew([one], [LOOK_UP, "done"], path=path)
    assert one.bodies == 1
    assert guarded.tool_texts == ["found x"]
    the_same(plain, guarded)


def test_a_tool_that_raises_runs_once_and_keeps_crewais_event_and_failure_and_text_with_the_type(path: str) -> None:
    plain = run_crew([Raising()], [CHARGE, "done"], path=path)
    install()
    one = Raising()
    guarded = run_crew([one], [CHARGE, "done"], path=path)
    assert one.bodies == 1
    message = "bank is away after 3"
    assert guarded.tool_texts == [text.replace(message, f"ConnectionError: {message}") for text in plain.tool_texts]
    assert f": ConnectionError: {message}" in guarded.tool_texts[0]
    assert [type(event.error) for event in guarded.told.errors] == [ConnectionError]
    assert len(guarded.told.finished) == 0
    assert guarded.tool_failures_seen == plain.tool_failures_seen
    assert guarded.tools_errors == 1


def test_a_tool_on_a_body_thread_raises_the_same_exception_object(path: str) -> None:
    install(timeout=30)
    problem = ConnectionError("this one")

    class Own(Counting):
        def _run(self, word: str) -> Any:
            raise problem

    guarded = run_crew([Own()], [LOOK_UP, "done"], path=path)
    assert len(guarded.told.errors) == 1
    assert guarded.told.errors[0].error is problem


def test_input_that_does_not_fit_runs_no_body_and_keeps_crewais_text(path: str) -> None:
    asks = [Ask("charge_card", {"amount": "much"}), "done"]
    plain = run_crew([Raising()], asks, path=path)
    install()
    one = Raising()
    guarded = run_crew([one], asks, path=path)
    assert one.bodies == 0
    assert guarded.tool_texts == plain.tool_texts
    assert "valid integer" in guarded.tool_texts[0]


def test_a_tool_that_the_crew_does_not_have_is_refused_as_on_plain_crewai(path: str) -> None:
    asks = [Ask("no_such_tool", {}), "done"]
    plain = run_crew([Counting()], asks, path=path)
    install()
    guarded = run_crew([Counting()], asks, path=path)
    the_same(plain, guarded)


def test_a_result_as_answer_is_the_crews_answer(path: str) -> None:
    install()
    guarded = run_crew([Counting(result_as_answer=True)], [LOOK_UP, "not this"], path=path)
    assert guarded.answer == "found x"
    assert guarded.model_calls == 1


def test_a_rejection_never_becomes_the_answer_of_a_result_as_answer_tool(path: str) -> None:
    install(tools={"look up": {"max_calls": 1}})
    one = Counting(result_as_answer=True)
    first = run_crew([one], [LOOK_UP, "done"], path=path)
    second = run_crew([one], [LOOK_UP, "done"], path=path)
    assert (first.answer, second.answer) == ("found x", "done")
    assert one.bodies == 1


def test_a_cache_function_is_asked_once_with_the_real_result(path: str) -> None:
    seen: list[Any] = []

    def remember(args: Any, result: Any) -> bool:
        seen.append((dict(args), result))
        return False

    install()
    one = Counting(cache_function=remember)
    run_crew([one], [LOOK_UP, LOOK_UP, "done"], path=path, cache=True)
    assert seen == [({"word": "x"}, "found x")] * 2
    assert one.bodies == 2


def test_crewais_cache_answers_an_identical_request_without_a_body(path: str) -> None:
    install()
    one = Counting()
    guarded = run_crew([one], [LOOK_UP, LOOK_UP, "done"], path=path, cache=True)
    assert one.bodies == 1
    assert guarded.tool_texts == ["found x", "found x"]


def test_a_before_hook_that_blocks_runs_no_body_and_spends_no_limit(path: str) -> None:
    install(tools={"look up": {"max_calls": 1}})
    one = Counting()
    allowed: list[bool] = [False, True]

    def block(context: Any) -> bool | None:
        return None if allowed.pop(0) else False

    register_before_tool_call_hook(block)
    try:
        guarded = run_crew([one], [LOOK_UP, Ask("look_up", {"word": "y"}), "done"], path=path)
    finally:
        unregister_before_tool_call_hook(block)
    assert one.bodies == 1
    assert "blocked by hook" in guarded.tool_texts[0]
    assert guarded.tool_texts[1] == "found y"


def test_a_request_that_a_hook_blocks_for_ever_still_ends_at_crewais_own_check(path: str) -> None:
    install()

    def block(context: Any) -> bool:
        return False

    register_before_tool_call_hook(block)
    try:
        with pytest.raises(Exception, match="Stopped because it is not making progress"):
            run_crew([Counting()], [LOOK_UP], path=path)
    finally:
        unregister_before_tool_call_hook(block)


def test_after_a_lite_agent_a_request_that_a_hook_blocks_for_ever_still_ends(path: str) -> None:
    install()
    model = ScriptedLLM.following([LOOK_UP, "done"], native=False)
    with pytest.warns(FutureWarning):
        agent = LiteAgent(role="Tester", goal="test", backstory="tests", llm=model, tools=[Counting()])
    assert agent.kickoff("Do it.").raw == "done"
    test_a_request_that_a_hook_blocks_for_ever_still_ends_at_crewais_own_check(path)


def test_hooks_see_the_call_and_change_the_text(path: str) -> None:
    install()
    seen: list[Any] = []

    def before(context: Any) -> None:
        seen.append((context.tool_name, dict(context.tool_input)))

    def after(context: Any) -> str:
        seen.append(context.raw_tool_result)
        return f"{context.tool_result}, said the hook"

    register_before_tool_call_hook(before)
    register_after_tool_call_hook(after)
    try:
        guarded = run_crew([Counting()], [LOOK_UP, "done"], path=path)
    finally:
        unregister_before_tool_call_hook(before)
        unregister_after_tool_call_hook(after)
    assert seen == [("look_up", {"word": "x"}), "found x"]
    assert guarded.tool_texts == ["found x, said the hook"]


def test_a_function_tool_and_an_async_one_work(path: str) -> None:
    install(timeout=30)

    @tool("look up")
    async def look_up(word: str) -> str:
        """Looks a word up."""
        return f"found {word}"

    guarded = run_crew([look_up], [LOOK_UP, "done"], path=path)
    assert guarded.tool_texts == ["found x"]


def test_an_agent_without_a_crew_is_guarded(path: str) -> None:
    install(tools={"look up": {"max_calls": 1}})
    one = Counting()
    model = ScriptedLLM.following([LOOK_UP, Ask("look_up", {"word": "y"}), "done"], native=path == "native")
    output = make_agent([one], model).kickoff("Do it.")
    assert one.bodies == 1
    assert [record.failure.reason for record in output.tool_failures] == [ToolFailureReason.USAGE_LIMIT]
