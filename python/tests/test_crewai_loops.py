"""Loops of agents in real crews with a scripted model: what is seen, what the model is told, how the run ends."""

from __future__ import annotations

import re
from typing import Any

import pytest
from crewai.tools import BaseTool, tool
from crewai.tools.tool_failure import ToolExecutionFailedError

from endstop.crewai import describe, install
from endstop.demo.scripted import Ask
from tests.support.crews import PATHS, plain_crewai_afterwards, run_crew

__all__ = ["plain_crewai_afterwards"]

each_path = pytest.mark.parametrize("path", PATHS)
each_cache = pytest.mark.parametrize("cache", [True, False], ids=["cache", "no cache"])


class Search(BaseTool):
    name: str = "search"
    description: str = "Searches."
    bodies: int = 0

    def _run(self, query: str) -> str:
        self.bodies += 1
        return "nothing found"


def wants_the_final_answer(messages: list[dict[str, Any]]) -> bool:
    """Whether CrewAI asks for it, as it does when `max_iter` is reached."""
    return "MUST give your absolute best final answer" in str(messages[-1].get("content") or "")


def asking(*queries: str, final: str = "I answer with what I have.") -> Any:
    """A model that asks for these again and again, whatever it is told, and answers when it gets no tools any more."""

    def step(number: int, messages: list[dict[str, Any]]) -> Any:
        if wants_the_final_answer(messages):
            return final
        return Ask("search", {"query": queries[(number - 1) % len(queries)]})

    return step


@each_path
@each_cache
def test_the_same_call_for_ever_ends_in_one_final_answer(path: str, cache: bool) -> None:
    install()
    search = Search()
    result = run_crew([search], asking("a"), path=path, cache=cache)
    assert result.answer == "I answer with what I have."
    assert search.bodies == (1 if cache else 3)
    # Three that ran, five that were rejected, and the answer.
    assert result.model_calls == 9
    assert "If you wait for a change, call it again in 5 s." in " ".join(result.tool_texts)
    assert "No more tools will run for this task: 5 calls in a row were rejected" in " ".join(result.tool_texts)


@each_path
@pytest.mark.parametrize("period", [2, 3])
def test_a_cycle_of_calls_is_rejected_in_its_third_round_with_the_pattern(path: str, period: int) -> None:
    install()
    search = Search()
    queries = ["a", "b", "c"][:period]
    result = run_crew([search], asking(*queries), path=path, cache=False)
    assert search.bodies == 2 * period
    assert result.answer == "I answer with what I have."
    texts = " ".join(result.tool_texts)
    assert f"you went through {' → '.join(f'search(query={query})' for query in queries)} 2 times" in texts


@each_path
def test_inputs_that_drift_to_the_same_failure_are_rejected_at_the_eighth(path: str) -> None:
    install()
    bodies = []

    @tool("search")
    def search(query: str) -> str:
        """Searches."""
        bodies.append(query)
        raise ConnectionError(f"no route to host for {query!r}")

    def step(number: int, messages: list[dict[str, Any]]) -> Any:
        if wants_the_final_answer(messages):
            return "it is down"
        return Ask("search", {"query": f"try {number}"})

    result = run_crew([search], step, path=path, max_iter=40)
    assert len(bodies) == 7
    assert result.answer == "it is down"


@each_path
def test_a_run_that_is_ended_raises_where_that_was_asked_for(path: str) -> None:
    install(on_run_end="raise")
    with pytest.raises(ToolExecutionFailedError, match="No more tools will run"):
        run_crew([Search()], asking("a"), path=path)


@each_path
def test_in_mode_observe_nothing_is_rejected(path: str) -> None:
    install(mode="observe")
    search = Search()
    script = [*[Ask("search", {"query": "a"})] * 9, "done"]
    result = run_crew([search], script, path=path, cache=False)
    assert (search.bodies, result.answer) == (9, "done")
    assert not re.search("was not run", " ".join(result.tool_texts))


@each_path
def test_limits_of_an_agent_go_by_its_role(path: str) -> None:
    install(agents={"Tester": {"max_calls_per_run": 2}})
    search = Search()
    run_crew([search], [*[Ask("search", {"query": str(n)}) for n in range(4)], "done"], path=path)
    assert search.bodies == 2


def test_every_limit_in_force_is_shown_with_its_source() -> None:
    search = Search()
    with pytest.raises(RuntimeError, match="not guarded"):
        describe(search)
    install(preset="strict", tools={"search": {"timeout": "5s"}}, agents={"Tester": {"max_calls_per_run": 2}})
    limits = describe(search, "Tester")
    assert (limits["timeout"].value, limits["timeout"].source) == (5.0, "tool")
    assert (limits["max_calls_per_run"].value, limits["max_calls_per_run"].source) == (2, "agent Tester")
    assert (limits["same_call_reject"].value, limits["same_call_reject"].source) == (3, "preset strict")


@each_path
def test_max_usage_count_is_exact(path: str) -> None:
    install()
    search = Search(max_usage_count=4)
    script = [*[Ask("search", {"query": str(n)}) for n in range(6)], "done"]
    result = run_crew([search], script, path=path)
    assert (search.bodies, result.answer) == (4, "done")


def test_max_usage_count_is_exact_in_a_batch() -> None:
    install()
    search = Search(max_usage_count=3)
    script = [[Ask("search", {"query": str(n)}) for n in range(8)], "done"]
    assert run_crew([search], script).answer == "done"
    assert search.bodies == 3


def test_a_batch_of_rejected_calls_counts_once_towards_the_end_of_the_run() -> None:
    install()
    search = Search()
    script = [
        *[Ask("search", {"query": "a"})] * 3,
        [Ask("search", {"query": "a"})] * 5,
        Ask("search", {"query": "b"}),
        "done",
    ]
    result = run_crew([search], script, cache=False)
    assert result.answer == "done"
    assert search.bodies == 4


@each_path
def test_agents_that_start_each_others_crews_through_tools_are_one_tree(path: str) -> None:
    install()
    bodies: list[str] = []

    def starting(name: str, other: str) -> Any:
        def body(thing: str) -> str:
            bodies.append(name)

            def step(number: int, messages: list[dict[str, Any]]) -> Any:
                return (
                    Ask(other, {"thing": thing + "+"})
                    if number == 1
                    else " ".join(str(m.get("content")) for m in messages[-2:])
                )

            return run_crew([tools[other]], step, path=path).answer

        body.__doc__ = f"Starts the crew {name}."
        return tool(name)(body)

    tools: dict[str, Any] = {}
    tools["ask_ann"], tools["ask_bob"] = starting("ask_ann", "ask_bob"), starting("ask_bob", "ask_ann")
    script = [Ask("ask_ann", {"thing": "x"}), "done"]
    result = run_crew([tools["ask_ann"]], script, path=path)
    assert result.answer == "done"
    assert bodies == ["ask_ann", "ask_bob", "ask_ann", "ask_bob"]
    path_seen = "ask_ann → ask_bob → ask_ann → ask_bob → ask_ann"
    assert path_seen in " ".join(result.tool_texts)
