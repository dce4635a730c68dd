"""Reads back how often bodies were started from the journal of an engine that is lost and does not come back."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

ENDING = ".journal"
_HEADER = '{"journal":"endstop","version":3,'
"""Its beginning; the instants that follow count from what it goes on to name."""
_UNESCAPED = "!~*'()"
"""Besides those that `quote` leaves anyway: file names are made by JavaScript's `encodeURIComponent`."""


@dataclass
class StartedBodies:
    """Bodies that were started, or may have been, by tool: of a whole session, and of each of its open runs."""

    of_session: Counter[str] = field(default_factory=Counter)
    of_runs: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, tool: str, run: str | None, count: int = 1) -> None:
        self.of_session[tool] += count
        if run is not None:
            self.of_runs.setdefault(run, Counter())[tool] += count

    def of(self, tool: str, run: str | None) -> int:
        """Of one run; 0 outside of any."""
        return 0 if run is None else self.of_runs.get(run, Counter())[tool]


def read_started_bodies(directory: str, session: str) -> StartedBodies | None:
    """What the files of a session say. None if one of them cannot be read: then nobody knows."""
    own = _entries(journal_of(directory, session))
    if own is None or any(entry["type"] == "forgotten" for entry in own):
        return None
    bodies = StartedBodies()
    _count(own, bodies)
    for run in _open_runs(own):
        entries = _entries(journal_of(directory, session, run))
        if entries is None:
            return None
        _count(entries, bodies)
    return bodies


def journal_of(directory: str, *names: str) -> Path:
    """The file of a session, or of a session and a run."""
    return Path(directory, f"{'.'.join(_escaped(name) for name in names)}{ENDING}")


def _open_runs(own: list[dict[str, Any]]) -> set[str]:
    """Each has a file until it is closed."""
    opened, closed = ({entry["run"] for entry in own if entry["type"] == kind} for kind in ("run-opened", "run-closed"))
    return opened - closed


def _escaped(name: str) -> str:
    return quote(name, safe=_UNESCAPED)


def _entries(path: Path) -> list[dict[str, Any]] | None:
    """A last line without its line break was being written when the engine died: it had not taken effect.

    None also for a file that was cut: there are no zeros at its end.
    """
    try:
        header, *lines, rest = path.read_text(encoding="utf-8").split("\n")
        if not header.startswith(_HEADER) or not rest.endswith("\0"):
            return None
        # Each engine that goes on writing begins with a header of its own.
        return [json.loads(line) for line in lines if line and not line.startswith(_HEADER)]
    except (OSError, ValueError):
        return None


def _count(entries: Iterable[dict[str, Any]], bodies: StartedBodies) -> None:
    """As the engine applies them: a use is given back only if its body certainly did not start."""
    admitted: dict[str, dict[str, Any]] = {}
    for entry in entries:
        if entry["type"] == "admitted":
            admitted[entry["call"]] = entry
            bodies.add(entry["tool"], entry.get("run"))
        elif entry["type"] == "retried" and entry["started"]:
            call = admitted.get(entry["call"])
            if call is not None:
                bodies.add(call["tool"], call.get("run"))
        elif entry["type"] == "ended" and not entry["started"]:
            call = admitted.get(entry["call"])
            if call is not None:
                bodies.add(call["tool"], call.get("run"), -1)
        elif entry["type"] == "run-closed":
            for tool, used in entry["tools"].items():
                bodies.add(tool, None, used["bodies"])
