"""What the process of one case does."""

from __future__ import annotations

import os
import signal
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path

import endstop
from endstop.demo.crew import kick_off
from endstop.demo.measured import Side
from endstop.demo.tally import TALLY_FILE

LOG = "printed.log"
TALLY = "tally"
"""Files in the folder of a case: all that its process prints, and the counts of bodies and model calls."""

LIFETIME_S = 60
"""Nothing lives longer, even if the demo itself is killed."""


def run_case(connection: Connection, name: str, side: Side, folder: Path) -> None:
    """Sends `None` when the kickoff is about to begin, and then its `Ending`."""
    if hasattr(os, "setsid"):
        os.setsid()
        signal.alarm(LIFETIME_S)
    _print_to(folder / LOG)
    os.environ.update({TALLY_FILE: str(folder / TALLY), "CREWAI_STORAGE_DIR": str(folder)})
    tempfile.tempdir = str(folder)  # CrewAI leaves lock files
    os.chdir(Path(endstop.__file__).parent)  # the tools of CrewAI may read what is in the working directory
    connection.send(kick_off(name, side, about_to_begin=lambda: connection.send(None)))


def _print_to(file: Path) -> None:
    log = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)
