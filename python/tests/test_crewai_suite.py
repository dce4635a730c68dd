"""How `dev crewai-suite` judges: the comparison of two runs of CrewAI's own tests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools.crewai_suite import command, running
from tools.crewai_suite.command import (
    LEAST_STABLE_TESTS,
    STABLE_PART,
    compare_everything,
    compare_stable_part,
    parts_of,
)
from tools.crewai_suite.comparison import MAX_KNOWN_DIFFERENCES, compare, known_differences, stale_entries
from tools.crewai_suite.surroundings import NEWEST, Surroundings
from tools.steps import StepFailed


def test_only_a_test_that_passes_plain_can_be_worse_with_the_drop_in() -> None:
    plain = {"a": "passed", "b": "passed", "c": "failed", "d": "skipped", "e": "passed", "f": "failed"}
    guarded = {"a": "passed", "b": "failed", "c": "failed", "d": "skipped", "f": "passed"}
    compared = compare(plain, guarded)
    assert compared.passed == 1
    assert compared.worse == ("b", "e")
    assert compared.better == ("f",)


def test_a_known_difference_that_is_none_any_more_is_stale() -> None:
    known = {"same": "why", "different": "why", "of another part": "why"}
    plain = {"same": "passed", "different": "passed"}
    guarded = {"same": "passed", "different": "failed"}
    assert stale_entries(known, plain, guarded) == ["same"]


def test_the_known_differences_are_few_and_each_has_a_reason(tmp_path: Path) -> None:
    assert len(known_differences()) <= MAX_KNOWN_DIFFERENCES
    file = tmp_path / "known.json"
    file.write_text(json.dumps({"a": " "}))
    with pytest.raises(StepFailed, match="no reason for a"):
        known_differences(file)
    file.write_text(json.dumps({str(number): "why" for number in range(MAX_KNOWN_DIFFERENCES + 1)}))
    with pytest.raises(StepFailed, match="6 entries; 5 are allowed"):
        known_differences(file)


def _write_tests(source: Path) -> None:
    for name in ("agents/deep/test_a.py", "cassettes/a.yaml", "utils.py", *(f"test_{n:02}.py" for n in range(12))):
        file = source / "tests" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


def test_the_parts_of_all_tests_are_its_folders_and_then_its_files_each_once(tmp_path: Path) -> None:
    _write_tests(tmp_path)
    files = [f"tests/test_{number:02}.py" for number in range(12)]
    assert parts_of(tmp_path) == [["tests/agents"], files[:10], files[10:]]


def test_a_run_of_all_tests_that_was_interrupted_goes_on_where_it_was_and_a_finished_one_starts_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Surroundings(NEWEST, tmp_path)
    _write_tests(made.source)
    asked: list[tuple[str, bool]] = []
    interrupted = True

    def run_tests(_made: Surroundings, tests: list[str], *, drop_in: bool) -> dict[str, str]:
        if interrupted and len(asked) == 3:
            raise KeyboardInterrupt
        asked.append((tests[0], drop_in))
        return {f"{test}::test": "passed" for test in tests}

    monkeypatch.setattr(command, "surroundings", lambda _version: made)
    monkeypatch.setattr(command, "known_differences", dict)
    monkeypatch.setattr(running, "run_tests", run_tests)
    with pytest.raises(KeyboardInterrupt):
        compare_everything()
    interrupted = False
    count = compare_everything()
    assert (count.passed, count.failed) == (13, 0)
    folders, first, second = "tests/agents", "tests/test_00.py", "tests/test_10.py"
    assert asked == [(name, drop_in) for name in (folders, first, second) for drop_in in (False, True)]
    compare_everything()
    assert asked[6:] == [(folders, True), (first, True), (second, True)]


def test_of_the_stable_part_only_what_does_not_pass_with_the_drop_in_is_run_plain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = Surroundings(NEWEST, tmp_path)
    for line in STABLE_PART.read_text().splitlines():
        (made.source / line).parent.mkdir(parents=True, exist_ok=True)
        (made.source / line).touch()
    guarded = {f"passes {number}": "passed" for number in range(LEAST_STABLE_TESTS)}
    failing = {"fails with it": "failed", "fails in both ways": "failed", "needs a key": "skipped"}
    asked: list[tuple[list[str], bool]] = []

    def run_tests(_made: Surroundings, tests: list[str], *, drop_in: bool, processes: int = 2) -> dict[str, str]:
        asked.append((tests, drop_in))
        if drop_in:
            return {**guarded, **failing} if len(asked) == 1 else {test: failing[test] for test in tests}
        return {test: "passed" if test == "fails with it" else failing[test] for test in tests}

    monkeypatch.setattr(command, "surroundings", lambda _version: made)
    monkeypatch.setattr(command, "known_differences", dict)
    monkeypatch.setattr(command, "run_tests", run_tests)
    count = compare_stable_part()
    assert (count.passed, count.failed) == (LEAST_STABLE_TESTS, 1)
    assert asked[1] == (sorted(failing), False)
    assert "fails only with the drop-in: fails with it" in capsys.readouterr().out
    # Tests that were not found are missed.
    guarded.popitem()
    asked.clear()
    with pytest.raises(StepFailed, match=f"{LEAST_STABLE_TESTS - 1} tests that pass, of at least {LEAST_STABLE_TESTS}"):
        compare_stable_part()
