"""An older CrewAI is refused by name and left alone; a newer one in which a place moved works, with a warning."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from crewai.agents import agent_executor
from crewai.tools import BaseTool, tool
from crewai.utilities import agent_utils

import endstop.crewai
from endstop.crewai import install, installation, versions
from tests.support.crews import plain_crewai_afterwards  # noqa: F401
from tools.crewai_suite import NEWEST, OLDEST

MOVED = "crewai.agents.agent_executor.check_repeated_tool_call"


@pytest.fixture
def without_a_seam(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.delattr(agent_executor, "check_repeated_tool_call")
    return monkeypatch


def test_an_older_crewai_that_lacks_a_place_is_refused_by_name_and_left_as_it_was(
    without_a_seam: pytest.MonkeyPatch,
) -> None:
    without_a_seam.setattr(installation, "installed_version", lambda: "1.15.28")
    before = (BaseTool.run, agent_utils.check_repeated_tool_call, "endstop" in vars(BaseTool))
    with pytest.raises(ImportError) as refused:
        install()
    assert str(refused.value) == f"endstop.crewai needs crewai {OLDEST} or newer, found 1.15.28, which has no {MOVED}"
    assert (BaseTool.run, agent_utils.check_repeated_tool_call, "endstop" in vars(BaseTool)) == before


@pytest.mark.usefixtures("without_a_seam")
def test_in_a_newer_crewai_a_place_that_moved_is_a_warning_and_all_others_are_guarded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(installation, "installed_version", lambda: "2.0.0")
    with pytest.warns(RuntimeWarning, match=f"In crewai 2.0.0 it does not find {MOVED}: tool calls that go that way"):
        install(tools={"look up": {"max_calls": 1}})

    @tool("look up")
    def look_up(word: str) -> str:
        """Looks a word up."""
        return word

    assert look_up.run(word="x") == "x"
    with pytest.raises(endstop.ToolCallError, match="look_up"):
        look_up.run(word="y")


def test_a_crewai_of_another_shape_is_no_crash_at_import_and_refused_at_install(tmp_path: Path) -> None:
    (tmp_path / "crewai").mkdir()
    (tmp_path / "crewai" / "__init__.py").touch()
    (tmp_path / "crewai-0.9.0.dist-info").mkdir()
    (tmp_path / "crewai-0.9.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: crewai\nVersion: 0.9.0\n"
    )
    program = (
        "import endstop.crewai\ntry:\n    endstop.crewai.install()\nexcept ImportError as refused:\n    print(refused)"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.startswith("endstop.crewai does not fit crewai 0.9.0, which lacks a part of it: ")
    assert done.stdout.endswith(f"It needs crewai {OLDEST} or newer and is tested up to {NEWEST}.\n")


def test_the_versions_are_the_same_wherever_they_are_written() -> None:
    root = Path(__file__).resolve().parents[2]
    assert (versions.OLDEST_VERSION, versions.NEWEST_TESTED_VERSION) == (OLDEST, NEWEST)
    assert f'crewai = ["crewai>={OLDEST}", "crewai-tools>={OLDEST}"]' in (root / "python/pyproject.toml").read_text()
    assert f"CrewAI {OLDEST} or newer is needed" in (root / "docs/crewai.md").read_text()
