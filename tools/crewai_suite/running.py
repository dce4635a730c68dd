"""Runs CrewAI's tests once, plain or with the drop-in, and reads what came of each."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tools.crewai_suite.surroundings import Surroundings
from tools.environment import PACKAGE
from tools.steps import StepFailed, exit_code_of, say

Outcomes = dict[str, str]
"""`passed`, `failed` or `skipped` by the name of the test."""

PROCESSES = 2
_TIMEOUT_S = 60
_TESTS_FAILED = 1


def run_tests(made: Surroundings, tests: Sequence[str], *, drop_in: bool, processes: int = PROCESSES) -> Outcomes:
    """The outcome of each test. Their output is shown only if pytest could not run them."""
    with tempfile.TemporaryDirectory(prefix="endstop-crewai-suite-") as folder:
        outcomes = Path(folder, "outcomes.json")
        code = exit_code_of(
            [made.python, "-m", "pytest", *_options(processes), f"--basetemp={folder}/tests", *tests],
            cwd=made.source,
            env=_environment(Path(folder), outcomes, drop_in=drop_in),
        )
        if code not in (0, _TESTS_FAILED) or not outcomes.is_file():
            raise StepFailed(f"running the tests of crewai {made.version} (exit code {code})", "See its output above.")
        return json.loads(outcomes.read_text())  # type: ignore[no-any-return]


def plain_outcomes(made: Surroundings, tests: Sequence[str]) -> Outcomes:
    """Of a run without the drop-in: of an earlier one, if nothing that it depends on has changed since."""
    key = hashlib.sha256("\0".join([made.digest, *tests]).encode()).hexdigest()[:16]
    kept = made.folder / f"plain-{key}.json"
    if kept.is_file():
        say(f"the plain run's outcomes are those of an earlier one: {kept}")
        return json.loads(kept.read_text())  # type: ignore[no-any-return]
    say(f"running the tests of crewai {made.version}, plain")
    outcomes = run_tests(made, tests, drop_in=False)
    kept.write_text(json.dumps(outcomes, indent=0, sort_keys=True))
    return outcomes


def _options(processes: int) -> list[str]:
    return [
        *("-q", "--tb=no", "--no-summary", "-p", "no:cacheprovider", "-W", "ignore"),
        *("-n", str(processes), "--dist=loadfile", f"--timeout={_TIMEOUT_S}", "--block-network"),
        *("--import-mode=importlib", "-o", "asyncio_mode=strict", "-o", "asyncio_default_fixture_loop_scope=function"),
    ]


def _environment(folder: Path, outcomes: Path, *, drop_in: bool) -> dict[str, str]:
    home = folder / "home"
    home.mkdir()
    # Keys and settings of the person who runs this are not for CrewAI's tests.
    kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith("LC_")}
    return {
        **kept,
        "HOME": str(home),
        "PYTHONPATH": str(PACKAGE / "src"),
        "PYTEST_VCR_RECORD_MODE": "none",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "ENDSTOP_SUITE_OUTCOMES": str(outcomes),
        "ENDSTOP_SUITE_INSTALL": "1" if drop_in else "0",
    }


_KEPT = frozenset({"PATH", "LANG", "TZ", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "SSL_CERT_FILE"})
