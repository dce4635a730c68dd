"""`dev test` and `dev fmt`: generated files, types and style first, then our tests, then CrewAI's own."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools import crewai_suite, oldest_crewai, reports
from tools.build import build_engine
from tools.environment import ENGINE, PACKAGE, PYTHON, node_environment, node_tool, script, setup
from tools.generate import check_generated
from tools.locks import check_locks
from tools.reports import Count
from tools.steps import ROOT, Command, StepFailed, exit_code_of, run, say

FIX_HINT = "Correct what is named above, then run the same command again."
FORMAT_HINT = "Run `python3 dev fmt`, and correct by hand what it leaves."


def test(only: str | None, arguments: Sequence[str]) -> int:
    """Checks and tests one part or all; the last line is `N passed, N failed`, whatever happens."""
    try:
        check_generated()
        check_locks()
        setup()
        build_engine()
        parts = [part for part in PARTS if only in (None, part.name)]
        for part in parts:
            part.check()
        count = sum((part.test(arguments) for part in parts), Count())
    except StepFailed as failure:
        # A check that fails ends the run at once. It counts as one: the last line must not look like success.
        print(f"\ndev: {failure}", flush=True)
        count = Count(failed=1)
    print(count, flush=True)
    return 0 if count.failed == 0 else 1


def format_sources() -> None:
    # Every formatter runs, also after one of them found something that it cannot fix.
    steps: list[tuple[str, Command, Path]] = [
        ("formatting TypeScript", [*node_tool("@biomejs/biome", "bin/biome"), "check", "--write"], ENGINE),
        ("applying ruff's fixes", [script("ruff"), "check", "--fix"], ROOT),
        ("formatting Python", [script("ruff"), "format"], ROOT),
    ]
    failed = []
    for what, command, folder in steps:
        say(what)
        if exit_code_of(command, cwd=folder) != 0:
            failed.append(what)
    if failed:
        raise StepFailed(", ".join(failed), FIX_HINT)


def _check_engine() -> None:
    run("checking types (tsc)", node_tool("typescript", "bin/tsc"), cwd=ENGINE, hint=FIX_HINT)
    run("checking style (biome)", [*node_tool("@biomejs/biome", "bin/biome"), "check"], cwd=ENGINE, hint=FORMAT_HINT)


def _check_python() -> None:
    run("checking style (ruff)", [script("ruff"), "check", "--quiet"], hint=FORMAT_HINT)
    run("checking format (ruff)", [script("ruff"), "format", "--check", "--quiet"], hint=FORMAT_HINT)
    mypy: Command = [PYTHON, "-m", "mypy", "--no-error-summary", "src/endstop", "../tools", "../dev"]
    run("checking types (mypy)", mypy, cwd=PACKAGE, hint=FIX_HINT)


def _test_engine(arguments: Sequence[str]) -> Count:
    say("testing the engine (vitest)")
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "vitest.json")
        reporters = ["--reporter=default", "--reporter=json", f"--outputFile.json={report}"]
        command = [*node_tool("vitest", "vitest.mjs"), "run", *reporters, *arguments]
        return reports.vitest(report, exit_code_of(command, cwd=ENGINE, env=node_environment()))


def _test_python(arguments: Sequence[str]) -> Count:
    say("testing the Python package (pytest)")
    # All of them take too long one after the other; some that were chosen are watched more easily so. Most of them wait
    # most of the time. In the order of the files: those of few and long tests come first.
    at_once = [] if arguments else ["--numprocesses=2", "--dist=loadfile", "--no-loadscope-reorder"]
    return _pytest([*at_once, *arguments])


def _test_on_oldest_crewai(arguments: Sequence[str]) -> Count:
    environment = oldest_crewai.environment_with_oldest_crewai()
    say(f"testing the drop-in on crewai {crewai_suite.OLDEST} (pytest)")
    return _pytest(arguments or oldest_crewai.SMOKE, environment)


def _pytest(arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> Count:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "pytest.xml")
        command: Command = [PYTHON, "-m", "pytest", f"--junitxml={report}", *arguments]
        return reports.pytest(report, exit_code_of(command, cwd=PACKAGE, env=environment))


def _test_with_crewais_tests(_arguments: Sequence[str]) -> Count:
    return crewai_suite.compare_stable_part()


@dataclass(frozen=True)
class Part:
    name: str
    check: Callable[[], None]
    test: Callable[[Sequence[str]], Count]


PARTS = (
    Part("engine", _check_engine, _test_engine),
    Part("python", _check_python, _test_python),
    Part("oldest-crewai", lambda: None, _test_on_oldest_crewai),
    Part("crewai-suite", lambda: None, _test_with_crewais_tests),
)
