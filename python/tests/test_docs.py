"""What the pages refer to is there: tests by name, files by link, errors by their own text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import endstop.crewai
from tools import python_api

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "python" / "tests"
PAGES = [*sorted((ROOT / "docs").glob("*.md")), *(ROOT / name for name in ("README.md", "ARCHITECTURE.md"))]

NOT_AN_ERRORS_TEXT = ("A tool runs on the host", "A tool in a worker does not see", "It is slower than")


def _cited(page: Path) -> list[tuple[str, str]]:
    """File and name of each test; `…::name` is in the file that was named before it."""
    cited: list[tuple[str, str]] = []
    for file, name in re.findall(r"`([\w/.]+\.py|…)::(\w+)`", page.read_text(encoding="utf-8")):
        cited.append((cited[-1][0] if file == "…" else file, name))
    return cited


@pytest.mark.parametrize("page", ["deploy.md", "requirements.md"])
def test_every_test_that_a_page_names_is_there(page: str) -> None:
    cited = _cited(ROOT / "docs" / page)
    assert len(cited) > 5
    gone = []
    for file, name in cited:
        places = [TESTS / file, TESTS / "outside" / file]
        if not any(place.is_file() and f"def {name}(" in place.read_text(encoding="utf-8") for place in places):
            gone.append(f"{file}::{name}")
    assert gone == []
    files = re.findall(r"`((?:engine|outside)/[\w/.-]+\.(?:ts|py))`", (ROOT / "docs" / page).read_text("utf-8"))
    assert [file for file in files if not ((ROOT / file).is_file() or (TESTS / file).is_file())] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_headings_of_troubleshooting_are_the_errors_own_texts() -> None:
    # A text may be written in several pieces, one a line.
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "python" / "src").rglob("*.py"))
    joined = re.sub(r"[\"']\n\s*f?[\"']", "", source).replace('\\"', '"')
    headings = re.findall(r"^## (.*)$", (ROOT / "docs" / "troubleshooting.md").read_text("utf-8"), re.MULTILINE)
    assert len(headings) > 10
    missing = []
    for heading in headings:
        if heading.startswith(NOT_AN_ERRORS_TEXT):
            continue
        # Figures are filled in when the error is made.
        pieces = [piece.strip() for piece in re.split(r"[\d.]*\d|: \d+ s", heading)]
        missing += [piece for piece in pieces if len(piece) > 3 and piece not in joined]
    assert missing == []


def test_the_page_of_the_python_api_describes_all_that_the_package_exports() -> None:
    page = python_api.page(ROOT / "python" / "src")
    exported = [name for module in (endstop, endstop.crewai) for name in module.__all__ if name != "__version__"]
    assert [name for name in exported if f"### `{name}`" not in page] == []
    assert "execute_tool(tool_name: str" in page
