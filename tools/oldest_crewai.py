"""Our own tests of the drop-in on the oldest CrewAI that is supported, beside the newest in .venv."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping

from tools.crewai_suite import OLDEST
from tools.environment import REQUIREMENTS, uv_install
from tools.steps import CACHE, if_changed

_FOLDER = CACHE / f"crewai-{OLDEST}"
SMOKE = tuple(f"tests/test_crewai_{name}.py" for name in ("agents", "places"))
"""What `dev test` runs on it, in one process, so that CrewAI is imported once."""


def environment_with_oldest_crewai() -> Mapping[str, str]:
    """Ours, in which Python finds that CrewAI before the one in .venv; everything else is what .venv has."""
    if_changed(_FOLDER / "made-from", [REQUIREMENTS], _install, extra=OLDEST)
    earlier = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (str(_FOLDER), earlier)))}


def _install() -> None:
    shutil.rmtree(_FOLDER, ignore_errors=True)
    locked = (line.split("==")[0] for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines())
    packages = [f"{name}=={OLDEST}" for name in locked if name.startswith("crewai")]
    # Their dependencies are those of the newest, which .venv has.
    uv_install(f"installing crewai {OLDEST}", "--no-deps", "--target", _FOLDER, *packages)
