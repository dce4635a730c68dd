"""What CrewAI, or something around it, repeats under the model's own id has happened once."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from crewai.agents.agent_executor import AgentExecutor
from crewai.tools import BaseTool

from endstop.crewai import install
from endstop.demo import scripted
from endstop.demo.scripted import Ask
from tests.support.crews import PATHS, plain_crewai_afterwards, run_crew  # noqa: F401


class Stuck(BaseTool):
    """Waits until the test lets it go."""

    name: str = "charge"
    description: str = "Charges."
    bodies: int = 0
    released: Any = None

    def _run(self, amount: int) -> str:
        self.bodies += 1
        self.released.wait(30)
        return "charged"


class Charge(BaseTool):
    name: str = "charge"
    description: str = "Charges."
    bodies: int = 0

    def _run(self, amount: int) -> str:
        self.bodies += 1
        return f"charge {self.bodies}"


def test_a_request_that_is_repeated_has_its_first_answer_and_the_model_that_asks_again_a_new_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install()
    seam = AgentExecutor._execute_single_native_tool_call
    answers: list[str] = []

    def retrying(self: Any, tool_call: Any) -> Any:
        """As a library for retries would do it."""
        for _ in range(3):
            answer = seam(self, tool_call)
            answers.append(answer["result"])
        return answer

    monkeypatch.setattr(AgentExecutor, "_execute_single_native_tool_call", retrying)
    tool = Charge()
    run_crew([tool], [Ask("charge", {"amount": 1}), Ask("charge", {"amount": 1}), "done"], cache=False)
    assert tool.bodies == 2
    assert answers == ["charge 1"] * 3 + ["charge 2"] * 3


@pytest.mark.parametrize("path", PATHS)
def test_a_call_whose_effect_is_unknown_is_not_run_again_when_the_model_asks_again(path: str) -> None:
    install(tools={"charge": {"timeout": "200ms"}})
    tool = Stuck(released=threading.Event())
    asked = Ask("charge", {"amount": 1})
    try:
        crew = run_crew([tool], [asked, asked, "done"], path=path, cache=False)
    finally:
        tool.released.set()
    assert tool.bodies == 1
    assert [failure.code for _, failure in crew.tool_failures_seen] == ["timed-out", "effect-unknown"]
    assert "It was not run again. Check the current state" in crew.tool_texts[1]
    assert crew.answer == "done"


def test_a_model_that_gives_each_request_the_same_id_asks_again_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    install()
    call_of = scripted._function_call
    monkeypatch.setattr(scripted, "_function_call", lambda ask, _id: call_of(ask, "call"))
    tool = Charge()
    crew = run_crew([tool], [Ask("charge", {"amount": 1})] * 3 + ["done"], cache=False)
    assert (tool.bodies, crew.tool_texts) == (3, ["charge 1", "charge 2", "charge 3"])
