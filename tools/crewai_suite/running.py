"""Runs CrewAI's tests once, plain or with the drop-in, and reads what came of each."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tools.crewai_suite.surroundings import Surroundings
from tools.environment import PACKAGE
from tools.steps import Command, StepFailed, digest_of, files_under, say

Outcomes = dict[str, str]
"""`passed`, `failed` or `skipped` by the name of the test."""

PROCESSES = 2
_TIMEOUT_S = 60
"""Of one test."""
_RUN_TIMEOUT_S = 1800
"""Of one run of pytest, which its tests' own limit does not bound: a thread that is left behind can hold up its end."""
_TESTS_FAILED = 1


def run_tests(made: Surroundings, tests: Sequence[str], *, drop_in: bool, processes: int = PROCESSES) -> Outcomes:
    """The outcome of each test. Their output is shown only if pytest could not run them."""
    with tempfile.TemporaryDirectory(prefix="endstop-crewai-suite-") as folder:
        outcomes = Path(folder, "outcomes.json")
        code = _exit_code_in_time(
            [made.python, "-m", "pytest", *_options(processes), f"--basetemp={folder}/tests", *tests],
            cwd=made.source,
            environment=_environment(Path(folder), outcomes, drop_in=drop_in),
        )
        if code not in (0, _TESTS_FAILED) or not outcomes.is_file():
            raise StepFailed(f"running the tests of crewai {made.version} (exit code {code})", "See its output above.")
        return json.loads(outcomes.read_text())  # type: ignore[no-any-return]


def _exit_code_in_time(command: Command, *, cwd: Path, environment: dict[str, str]) -> int:
    """Raises StepFailed if it does not end; nothing of it goes on then."""
    running = subprocess.Popen([str(part) for part in command], cwd=cwd, env=environment, start_new_session=True)
    try:
        return running.wait(_RUN_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise StepFailed(f"waiting {_RUN_TIMEOUT_S} s for CrewAI's tests", "Run it again, or see which hang.") from None
    finally:
        # Also after a Ctrl-C, which does not reach a session of its own.
        if running.returncode is None:
            os.killpg(running.pid, signal.SIGKILL) if os.name == "posix" else running.kill()
            running.wait()


def plain_outcomes(made: Surroundings, tests: Sequence[str]) -> Outcomes:
    """Of a run without the drop-in: of an earlier one, if nothing that it depends on has changed since."""
    return _kept_or_run(made, tests, drop_in=False)


def guarded_outcomes(made: Surroundings, tests: Sequence[str]) -> Outcomes:
    """The same with the drop-in. Of an earlier run only until `forget_guarded_outcomes`."""
    return _kept_or_run(made, tests, drop_in=True)


def forget_guarded_outcomes(made: Surroundings, tests: Sequence[str]) -> None:
    """The next run runs them again."""
    _kept(made, tests, drop_in=True).unlink(missing_ok=True)


def _kept_or_run(made: Surroundings, tests: Sequence[str], *, drop_in: bool) -> Outcomes:
    way = "with the drop-in" if drop_in else "plain"
    kept = _kept(made, tests, drop_in=drop_in)
    if kept.is_file():
        say(f"the outcomes of the run {way} are those of an earlier one: {kept}")
        return json.loads(kept.read_text())  # type: ignore[no-any-return]
    say(f"running the tests of crewai {made.version}, {way}")
    outcomes = run_tests(made, tests, drop_in=drop_in)
    kept.write_text(json.dumps(outcomes, indent=0, sort_keys=True))
    return outcomes


def _kept(made: Surroundings, tests: Sequence[str], *, drop_in: bool) -> Path:
    name, depends_on = ("plain", made.digest)
    if drop_in:
        name, depends_on = ("guarded", digest_of(files_under(PACKAGE / "src"), extra=made.digest))
    key = hashlib.sha256("\0".join([depends_on, *tests]).encode()).hexdigest()[:16]
    return made.folder / f"{name}-{key}.json"


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
