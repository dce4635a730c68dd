"""What one looping agent takes from others: nothing."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from crewai import Crew, Flow, Task
from crewai.flow.flow import listen, start
from crewai.tools import tool

from endstop.crewai import install
from endstop.demo.scripted import Ask, ScriptedLLM
from tests.support.crews import PATHS, make_agent, plain_crewai_afterwards

__all__ = ["plain_crewai_afterwards"]

each_path = pytest.mark.parametrize("path", PATHS)


@tool("search")
def search(query: str) -> str:
    """Searches."""
    return "nothing found"


@tool("read")
def read(page: int) -> str:
    """Reads."""
    return f"page {page}"


def looping(number: int, messages: list[dict[str, Any]]) -> Any:
    if "MUST give your absolute best final answer" in str(messages[-1].get("content") or ""):
        return "I answer with what I have."
    return Ask("search", {"query": "a"})


HEALTHY = [*(Ask("read", {"page": page}) for page in range(6)), "read them all"]


def a_task(script: Any, path: str, **options: Any) -> Task:
    model = ScriptedLLM.following(script, native=path == "native")
    agent = make_agent([search, read], model, cache=False)
    return Task(description="Do it.", expected_output="What came of it.", agent=agent, **options)


def a_crew(*tasks: Task) -> Crew:
    agents = [task.agent for task in tasks if task.agent is not None]
    return Crew(agents=agents, tasks=list(tasks), verbose=False, cache=False)


def texts_of(task: Task) -> str:
    model: Any = task.agent.llm if task.agent is not None else None
    return " ".join(str(message.get("content")) for message in model.last_messages)


@each_path
def test_a_later_task_and_a_parallel_one_have_their_tools_when_one_agent_has_looped(path: str) -> None:
    install()
    first = a_task(looping, path)
    beside = a_task(HEALTHY, path, async_execution=True)
    later = a_task(HEALTHY, path)
    a_crew(beside, first, later).kickoff()
    assert "No more tools will run for this task: 5 calls in a row were rejected" in texts_of(first)
    for healthy in (beside, later):
        assert healthy.output is not None
        assert healthy.output.raw == "read them all"
        assert "page 5" in texts_of(healthy)


@each_path
def test_the_same_crew_has_its_tools_again_at_its_next_kickoff_in_a_flow(path: str) -> None:
    install()
    scripts = iter([looping, HEALTHY])
    task = a_task(None, path)
    crew = a_crew(task)

    class Twice(Flow[Any]):
        @start()
        def one(self) -> str:
            return self.kick()

        @listen(one)
        def two(self) -> str:
            return self.kick()

        def kick(self) -> str:
            assert task.agent is not None
            task.agent.llm = ScriptedLLM.following(next(scripts), native=path == "native")
            return str(crew.kickoff())

    assert Twice().kickoff() == "read them all"


def test_a_task_that_its_guardrail_has_done_again_has_its_tools_again() -> None:
    install()
    script = [*[Ask("search", {"query": "a"})] * 8, "first", *[Ask("search", {"query": "a"})] * 2, "second"]
    verdicts = iter([(False, "again"), (True, "fine")])
    task = a_task(lambda number, messages: script[number - 1], "native", guardrail=lambda output: next(verdicts))
    a_crew(task).kickoff()
    # The last two of its searches ran.
    results = [m for m in task.agent.llm.last_messages if m.get("role") == "tool"]  # type: ignore[union-attr]
    assert [str(message["content"]) for message in results[-2:]] == ["nothing found"] * 2


def test_models_that_a_flow_calls_itself_take_nothing_from_its_crews() -> None:
    install()
    crew = a_crew(a_task(HEALTHY, "native"))

    class Asking(Flow[Any]):
        @start()
        def ask(self) -> str:
            functions = {"search": search.run}
            model = ScriptedLLM.following("unused")
            answers = [model._handle_tool_execution("search", {"query": "a"}, functions) for _ in range(9)]
            assert answers == ["nothing found"] * 9
            return str(crew.kickoff())

    assert Asking().kickoff() == "read them all"


def test_a_coworker_that_loops_is_ended_alone() -> None:
    install()
    coworker = a_task(looping, "native").agent
    assert coworker is not None
    coworker.role = "Searcher"
    delegate = Ask("delegate_work_to_coworker", {"task": "search", "context": "all", "coworker": "Searcher"})
    manager = a_task([delegate, *HEALTHY], "native")
    assert manager.agent is not None
    manager.agent.allow_delegation = True
    Crew(agents=[manager.agent, coworker], tasks=[manager], verbose=False, cache=False).kickoff()
    assert manager.output is not None
    assert manager.output.raw == "read them all"
    assert "I answer with what I have." in texts_of(manager)
    assert "page 5" in texts_of(manager)


def test_so_many_ended_agents_as_the_user_says_end_the_run_and_each_agent_is_told_why() -> None:
    install(ended_agents_to_end_run=1)
    first, later = a_task(looping, "native"), a_task(HEALTHY, "native")
    a_crew(first, later).kickoff()
    assert "No more tools will run: 1 of its agents were ended" in texts_of(later)


def test_each_stop_is_one_line_of_the_logger_with_the_limit_and_how_to_change_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    install()
    with caplog.at_level(logging.WARNING, logger="endstop"):
        a_crew(a_task(looping, "native")).kickoff()
    lines = [record.getMessage() for record in caplog.records if record.name == "endstop"]
    assert lines == [
        "search was not run: the same input gave the same result 3 times in a row, the limit is 3. "
        'The limit is same_call_reject: to change it, install(tools={"search": {"same_call_reject": ...}}), None for '
        'no limit; for a tool that is meant to be asked again, {"poller": True}.',
        "search was not run: its agent gets no more calls at this task: 5 calls in a row were rejected, the last "
        "because "
        "search was not run: the same input gave the same result 3 times in a row, the limit is 3. "
        "The limit is rejections_to_end_agent: to change it, install(rejections_to_end_agent=...), None for no limit.",
    ]
