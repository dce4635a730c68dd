"""Each example of a crew prints what stands beside it. (Those in TypeScript: engine/test/examples.test.ts.)"""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from tests.support.crews import plain_crewai_afterwards  # noqa: F401

EXAMPLES = Path(__file__).parents[2] / "examples"

NAMES = sorted(folder.name for folder in EXAMPLES.iterdir() if folder.is_dir())


@pytest.mark.parametrize("name", NAMES)
def test_an_example_prints_what_stands_beside_it(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(EXAMPLES / name / "main.py"), run_name="__main__")
    assert capsys.readouterr().out == (EXAMPLES / name / "printed.txt").read_text(encoding="utf-8")


def test_the_examples_are_these() -> None:
    assert NAMES == ["crewai-loops", "crewai-parallel-cpu", "crewai-quickstart"]
