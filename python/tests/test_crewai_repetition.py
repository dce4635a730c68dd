"""What CrewAI, or something around it, repeats under the model's own id has happened once."""

from __future__ import annotations

from typing import Any

import pytest
from crewai.agents.agent_executor import AgentExecutor
from crewai.tools import BaseTool

from endstop.crewai import install
from endstop.demo.scripted import Ask
from tests.support.crews import plain_crewai_afterwards, run_crew  # noqa: F401


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
