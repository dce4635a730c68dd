"""Endstop's own cache in a crew: CrewAI's cache, its switch and a tool's `cache_function` mean what they meant."""

from __future__ import annotations

from typing import Any

import pytest
from crewai.tools import BaseTool

from endstop.crewai import install
from endstop.demo.scripted import Ask
from tests.support.crews import PATHS, plain_crewai_afterwards, run_crew  # noqa: F401

each_path = pytest.mark.parametrize("path", PATHS)
SCRIPT: list[Any] = [Ask("rate", {"of": "a"}), Ask("rate", {"of": "a"}), Ask("rate", {"of": "b"}), "done"]


class Rate(BaseTool):
    name: str = "rate"
    description: str = "Gives a rate."
    bodies: int = 0

    def _run(self, of: str) -> str:
        self.bodies += 1
        return f"rate of {of}"


@each_path
def test_a_kept_result_answers_other_crews_and_crewais_switch_is_for_its_own_cache(path: str) -> None:
    install(tools={"rate": {"cache": True}})
    tool = Rate()
    crews = [run_crew([tool], SCRIPT, path=path, cache=False) for _ in range(2)]
    texts = [[text.partition("\n")[0] for text in crew.tool_texts] for crew in crews]
    assert texts == [["rate of a", "rate of a", "rate of b"]] * 2
    assert [len(crew.told.finished) for crew in crews] == [3, 3]
    assert tool.bodies == 2


@each_path
def test_a_tool_that_decides_on_caching_itself_is_left_to_crewais_cache(path: str) -> None:
    install(tools={"rate": {"cache": True}})
    tool = Rate(cache_function=lambda arguments=None, result=None: result != "rate of a")
    for bodies in (3, 6):
        run_crew([tool], SCRIPT, path=path)
        assert tool.bodies == bodies
