"""How `dev crewai-suite` judges: the comparison of two runs of CrewAI's own tests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools.crewai_suite.comparison import MAX_KNOWN_DIFFERENCES, compare, known_differences, stale_entries
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
