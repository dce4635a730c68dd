"""`dev crewai-suite`: compares CrewAI's own tests, plain and with the drop-in installed."""

from __future__ import annotations

from pathlib import Path

from tools.crewai_suite.comparison import compare, known_differences, stale_entries
from tools.crewai_suite.running import (
    Outcomes,
    forget_guarded_outcomes,
    guarded_outcomes,
    plain_outcomes,
    run_tests,
)
from tools.crewai_suite.surroundings import NEWEST, REQUIREMENTS_BY_VERSION, Surroundings, surroundings
from tools.reports import Count
from tools.steps import StepFailed, say

STABLE_PART = Path(__file__).with_name("stable-part.txt")
LEAST_STABLE_TESTS = 1150
"""How many tests of it pass at the least, so that one that is not found is missed; CrewAI's version is fixed."""
_FILES_A_PART = 10
_CHANCES = 2
"""How often a test that differs is run again by itself. Some of CrewAI's tests fail now and then in either way."""


def compare_everything(version: str = NEWEST) -> Count:
    """All of CrewAI's tests, part by part: an interrupted run goes on after the last part that it ended."""
    made = _made(version)
    parts = parts_of(made.source)
    plain: Outcomes = {}
    guarded: Outcomes = {}
    for number, part in enumerate(parts, 1):
        say(f"part {number} of {len(parts)}: {part[0]}" + (f" and {len(part) - 1} more" if part[1:] else ""))
        plain |= plain_outcomes(made, part)
        guarded |= guarded_outcomes(made, part)
    known = known_differences()
    _settle_by_themselves(made, plain, guarded, known)
    count = _report({"plain": plain, "with the drop-in": guarded}, plain, guarded, known)
    for part in parts:
        forget_guarded_outcomes(made, part)
    return count


def compare_stable_part(version: str = NEWEST) -> Count:
    """
    The files whose tests execute tools and end the same way each time. Only a test that does not pass with the drop-in
    is run plain as well: no other can be worse.
    """
    made = _made(version)
    lines = STABLE_PART.read_text().splitlines()
    # An older version may lack some of the files.
    tests = [line for line in lines if line and not line.startswith("#") and (made.source / line).exists()]
    known = known_differences()
    say(f"running the tests of crewai {version}, with the drop-in")
    guarded = run_tests(made, tests, drop_in=True)
    others = sorted(test for test, outcome in guarded.items() if outcome != "passed")
    say(f"running the {len(others)} tests that did not pass again, plain")
    plain = {**guarded, **(run_tests(made, others, drop_in=False, processes=1) if others else {})}
    _settle_by_themselves(made, plain, guarded, known)
    count = _report({"with the drop-in": guarded}, plain, guarded, known)
    if count.passed < LEAST_STABLE_TESTS:
        raise StepFailed(f"the stable part has {count.passed} tests that pass, of at least {LEAST_STABLE_TESTS}", "")
    return count


def parts_of(source: Path) -> list[list[str]]:
    """Every folder with tests in it, then the files beside them, some at a time; relative to `source`."""
    entries = sorted((source / "tests").iterdir())
    folders = [entry for entry in entries if entry.is_dir() and any(entry.rglob("test_*.py"))]
    files = [f"tests/{entry.name}" for entry in entries if entry.match("test_*.py")]
    chunks = [files[at : at + _FILES_A_PART] for at in range(0, len(files), _FILES_A_PART)]
    return [[f"tests/{folder.name}"] for folder in folders] + chunks


def _made(version: str) -> Surroundings:
    if version not in REQUIREMENTS_BY_VERSION:
        known_versions = ", ".join(REQUIREMENTS_BY_VERSION)
        raise StepFailed(f"looking for crewai {version}", f"There are lock files for {known_versions}.")
    return surroundings(version)


def _settle_by_themselves(made: Surroundings, plain: Outcomes, guarded: Outcomes, known: dict[str, str]) -> None:
    """Writes into both what came of the differing tests when they ran again, alone and in both ways."""
    for _ in range(_CHANCES):
        differing = [test for test in compare(plain, guarded).worse if test not in known]
        if not differing:
            return
        say(f"running {len(differing)} tests that differ again, by themselves, in both ways")
        again = run_tests(made, differing, drop_in=False, processes=1)
        again_guarded = run_tests(made, differing, drop_in=True, processes=1)
        for test in differing:
            plain[test] = again.get(test, "missing")
            guarded[test] = again_guarded.get(test, "missing")


def _report(runs: dict[str, Outcomes], plain: Outcomes, guarded: Outcomes, known: dict[str, str]) -> Count:
    """`runs`: those of all tests, by their names."""
    for name, outcomes in runs.items():
        counts = {outcome: list(outcomes.values()).count(outcome) for outcome in ("passed", "failed", "skipped")}
        print(f"{name:17} " + ", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
    compared = compare(plain, guarded)
    for test in compared.better:
        print(f"passes only with the drop-in: {test}")
    for test in compared.worse:
        print(f"fails only with the drop-in: {test}" + (f" (known: {known[test]})" if test in known else ""))
    stale = stale_entries(known, plain, guarded)
    for test in stale:
        print(f"known-differences.json names a test that does not differ: {test}")
    unknown = [test for test in compared.worse if test not in known]
    return Count(compared.passed, len(unknown) + len(stale))
