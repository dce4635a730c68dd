"""How many tests passed and failed, read from the machine-readable reports of vitest and pytest."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Count:
    passed: int = 0
    failed: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(self.passed + other.passed, self.failed + other.failed)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed"

    def agreeing_with(self, exit_code: int) -> Count:
        """A runner that failed without a failed test (a crash, no test at all) counts as one failure."""
        nothing_ran = self.passed + self.failed == 0
        return Count(self.passed, 1) if self.failed == 0 and (exit_code != 0 or nothing_ran) else self


def vitest(report: Path, exit_code: int) -> Count:
    if not report.is_file():
        return Count().agreeing_with(exit_code)
    results = json.loads(report.read_text(encoding="utf-8"))
    # A test file that does not load has no tests in the report, only a failed file.
    unloadable = sum(file["status"] == "failed" and not file["assertionResults"] for file in results["testResults"])
    return Count(results["numPassedTests"], results["numFailedTests"] + unloadable).agreeing_with(exit_code)


def pytest(report: Path, exit_code: int) -> Count:
    if not report.is_file():
        return Count().agreeing_with(exit_code)
    passed = failed = 0
    for suite in ElementTree.parse(report).getroot().iter("testsuite"):
        bad = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        failed += bad
        passed += int(suite.get("tests", 0)) - bad - int(suite.get("skipped", 0))
    return Count(passed, failed).agreeing_with(exit_code)
