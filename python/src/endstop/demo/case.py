"""What a case is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crewai.tools import BaseTool

    from endstop.demo.scripted import Script
    from endstop.demo.surroundings import Surroundings


LIMIT_S = 10.0
"""Far more than a crew needs whose tools do not hang."""


@dataclass(frozen=True, slots=True)
class Case:
    """A crew with one agent that has one tool, and what must be true of it with Endstop.

    The model calls the tool natively, or by ReAct text. The crew should have an outcome within `limit_s`; without one
    after three times that, it hangs. With Endstop the body runs exactly `bodies` times and the crew's answer contains
    `answer_has`; with `same_answer` it is the one of plain CrewAI. Or the kickoff raises `error`.
    """

    name: str
    title: str
    tool: Callable[[], BaseTool]
    script: Callable[[Surroundings], Script]
    native: bool = True
    max_execution_time: int | None = None
    max_iter: int = 25
    bodies: int = 1
    answer_has: str = ""
    same_answer: bool = False
    error: str | None = None

    @property
    def limit_s(self) -> float:
        """What the agent's `max_execution_time` is, or could be."""
        return self.max_execution_time or LIMIT_S

    @property
    def full_title(self) -> str:
        """The title with how the model calls tools."""
        return f"{self.title} ({'native' if self.native else 'ReAct'})"
