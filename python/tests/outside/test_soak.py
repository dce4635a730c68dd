"""A short soak; `dev soak` runs longer ones."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

SOAK = Path(__file__).parents[3] / "bench" / "_soak.py"


def test_mixed_calls_under_random_faults_stay_within_every_bound() -> None:
    run = subprocess.run(
        [sys.executable, str(SOAK), "--minutes", "0.15", "--seed", "1"],
        cwd=SOAK.parent,
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert re.search(r"^calls: [1-9]\d*$", run.stdout, re.MULTILINE)
    assert re.search(r"^  kill a worker: [1-9]", run.stdout, re.MULTILINE)
