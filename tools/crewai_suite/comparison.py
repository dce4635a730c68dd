"""Which tests tell the drop-in from plain CrewAI, and which of these are known."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tools.crewai_suite.running import Outcomes
from tools.steps import StepFailed

KNOWN_DIFFERENCES = Path(__file__).with_name("known-differences.json")
MAX_KNOWN_DIFFERENCES = 5


@dataclass(frozen=True)
class Comparison:
    """`worse`: passed plain, and not with the drop-in. `better`: the other way round."""

    passed: int
    worse: tuple[str, ...]
    better: tuple[str, ...]


def compare(plain: Outcomes, guarded: Outcomes) -> Comparison:
    """`passed` counts the tests that pass in both."""
    good = {test for test, outcome in plain.items() if outcome == "passed"}
    still_good = {test for test, outcome in guarded.items() if outcome == "passed"}
    return Comparison(len(good & still_good), tuple(sorted(good - still_good)), tuple(sorted(still_good - good)))


def known_differences(file: Path = KNOWN_DIFFERENCES) -> dict[str, str]:
    """The reason by the name of the test."""
    known: dict[str, str] = json.loads(file.read_text())
    if len(known) > MAX_KNOWN_DIFFERENCES:
        raise StepFailed(f"reading {file.name}", f"It has {len(known)} entries; {MAX_KNOWN_DIFFERENCES} are allowed.")
    unexplained = [test for test, reason in known.items() if not reason.strip()]
    if unexplained:
        raise StepFailed(f"reading {file.name}", f"It gives no reason for {unexplained[0]}.")
    return known


def stale_entries(known: Mapping[str, str], plain: Outcomes, guarded: Outcomes) -> list[str]:
    """Known differences that are none: both runs had the test, and it passed with the drop-in or failed without."""
    differing = compare(plain, guarded).worse
    return [test for test in known if test in plain and test in guarded and test not in differing]
