"""A crew's tool that may be repeated is tried again below CrewAI, which hears of the last attempt only."""

from __future__ import annotations

import pytest
from crewai.tools import BaseTool

from endstop.crewai import install
from endstop.demo.scripted import Ask
from tests.support.crews import PATHS, plain_crewai_afterwards, run_crew  # noqa: F401


class Flaky(BaseTool):
    name: str = "flaky"
    description: str = "Fails twice."
    bodies: int = 0

    def _run(self) -> str:
        self.bodies += 1
        if self.bodies < 3:
            raise OSError("down")
        return "up"


@pytest.mark.parametrize("path", PATHS)
def test_the_model_reads_what_the_last_attempt_gave(path: str) -> None:
    install(tools={"flaky": {"read_only": True, "max_attempts": 3, "retry_delay": "2ms"}})
    tool = Flaky()
    crew = run_crew([tool], [Ask("flaky"), "done"], path=path)
    assert (tool.bodies, crew.tool_texts, crew.tools_errors) == (3, ["up"], 0)
    assert len(crew.told.errors) == 0
