"""What the pages show is what a user sees: their programs run, and print what stands below them."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from endstop.client.node import find_node

ROOT = Path(__file__).parents[2]
ENGINE = ROOT / "engine"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("tutorial-*.md"))]
RENDER = 'export const tool = { name: "render", run: () => "rendered" };\n'


@dataclass(frozen=True)
class Block:
    language: str
    text: str
    printed: str | None
    """The plain block that follows it."""


def _blocks(page: Path, *languages: str) -> list[Block]:
    block = r"^```(\w+)\n(.*?)^```$(?:\s*^```\n(.*?)^```$)?"
    found = re.findall(block, page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return [Block(language, text, printed or None) for language, text, printed in found if language in languages]


PROGRAMS = [
    pytest.param(block, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, block in enumerate(_blocks(page, "python"), 1)
]


@pytest.mark.parametrize("block", PROGRAMS)
def test_a_python_program_of_a_page_prints_what_the_page_says(block: Block, tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(block.text, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=100, check=False, cwd=tmp_path
    )
    assert run.returncode == 0, run.stderr
    if block.printed is not None:
        assert run.stdout == block.printed
        # Standard error has what the page does not show: that a tool was stopped, with the time that was seen.
        assert "endstop.crewai" in block.text or run.stderr == ""


@pytest.mark.parametrize("page", [page for page in PAGES if _blocks(page, "ts")], ids=lambda page: page.stem)
def test_the_typescript_programs_of_a_page_print_what_the_page_says(page: Path, tmp_path: Path) -> None:
    modules = tmp_path / "node_modules"
    modules.mkdir()
    (modules / "endstop").symlink_to(ENGINE)
    (modules / "zod").symlink_to(ENGINE / "node_modules" / "zod")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "render.ts").write_text(RENDER)
    blocks = _blocks(page, "ts")
    files = [tmp_path / _name_of(block) for block in blocks]
    for file, block in zip(files, blocks, strict=True):
        file.write_text(block.text, encoding="utf-8")
    programs = [(file, block) for file, block in zip(files, blocks, strict=True) if "createEngine(" in block.text]
    assert programs
    for file, block in programs:
        run = subprocess.run(
            [find_node(), str(file)], capture_output=True, text=True, timeout=50, check=False, cwd=tmp_path
        )
        assert (run.returncode, run.stderr) == (0, "")
        if block.printed is not None:
            assert run.stdout == block.printed


def _name_of(block: Block) -> str:
    named = re.match(r"// ([\w-]+\.ts)\n", block.text)
    return named[1] if named else "program.ts"
