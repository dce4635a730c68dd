"""CrewAI's tools in a ToolExecutor, without the drop-in."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from typing import Any

import pytest
from crewai.tools import BaseTool, tool
from pydantic import BaseModel, Field

from endstop import ToolExecutor
from tests.support.worker_crewai_tools import ProcessId


class Bounded(BaseModel):
    count: int = Field(ge=1, description="how many")


class Counting(BaseTool):
    name: str = "counting"
    description: str = "Counts."
    args_schema: type[BaseModel] = Bounded
    bodies: int = 0

    def _run(self, count: int) -> int:
        self.bodies += 1
        return count * 2


class Both(BaseTool):
    name: str = "both"
    description: str = "Has two bodies."

    def _run(self) -> str:
        return "plain"

    async def _arun(self) -> str:
        return "async"


@tool("shout")
def shout(text: str) -> str:
    """Shouts."""
    return text.upper()


@tool("later")
async def later(text: str) -> str:
    """Waits."""
    await asyncio.sleep(0)
    return text


@pytest.fixture
def executor() -> Iterator[ToolExecutor]:
    with ToolExecutor() as executor:
        yield executor


def test_tools_of_both_kinds_are_called_by_their_names(executor: ToolExecutor) -> None:
    for each in (Counting(), Both(), shout, later):
        executor.register(each)
    assert executor.execute_tool("counting", {"count": 3}) == 6
    assert executor.execute_tool("both") == "plain"
    assert executor.execute_tool("shout", {"text": "ho"}) == "HO"
    assert executor.execute_tool("later", {"text": "x"}) == "x"


def test_a_tool_with_an_async_body_runs_it_in_the_loop(executor: ToolExecutor) -> None:
    for each in (Both(), shout, later):
        executor.register(each)

    async def scenario() -> list[Any]:
        calls = [("both", {}), ("shout", {"text": "ho"}), ("later", {"text": "x"})]
        return [await executor.aexecute_tool(*call) for call in calls]

    assert asyncio.run(scenario()) == ["async", "HO", "x"]


def test_arguments_that_do_not_fit_the_schema_start_no_body(executor: ToolExecutor) -> None:
    counting = Counting()
    executor.register(counting)
    outcome = executor.try_execute_tool("counting", {"count": 0})
    assert outcome.failure is not None
    assert outcome.failure.code == "invalid-input"
    assert "count: Input should be greater than or equal to 1" in outcome.failure.message
    assert counting.bodies == 0


@pytest.mark.timeout(180)  # the template imports crewai: seconds on an idle machine
def test_a_tool_runs_in_a_worker(executor: ToolExecutor) -> None:
    executor.register(ProcessId(), placement="worker")
    assert executor.execute_tool("process id") != str(os.getpid())
