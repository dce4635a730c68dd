"""CrewAI off the network, with a storage of its own that is removed at the end. Import this before crewai."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

_PREFIX = "endstop-bench-"

os.environ.update(CREWAI_DISABLE_TELEMETRY="true", CREWAI_TRACING_ENABLED="false", OTEL_SDK_DISABLED="true")
# Without it CrewAI collects the events of a user's first kickoffs, to offer a trace, and each call takes longer.
os.environ["CREWAI_TESTING"] = "true"


def _remove(storage: str, made_in: int) -> None:
    if os.getpid() == made_in:  # a forked child inherits this call
        shutil.rmtree(storage, ignore_errors=True)


# The template of the workers imports a benchmark for its tools, and is killed: it uses the storage that is there.
if not os.path.basename(os.environ.get("CREWAI_STORAGE_DIR", "")).startswith(_PREFIX):
    os.environ["CREWAI_STORAGE_DIR"] = tempfile.mkdtemp(prefix=_PREFIX)
    atexit.register(_remove, os.environ["CREWAI_STORAGE_DIR"], os.getpid())
tempfile.tempdir = os.environ["CREWAI_STORAGE_DIR"]  # CrewAI leaves lock files
