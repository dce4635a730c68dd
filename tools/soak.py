"""`dev soak`: mixed calls under random faults for some minutes or hours; fails past the bounds it names."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tools.build import build_engine
from tools.environment import PYTHON, setup
from tools.steps import ROOT, Command, exit_code_of, say

STRETCH_MINUTES = 30.0
"""Hours are made of stretches: each is judged by itself, and what an interruption costs is one of them."""
NOTES = ROOT / ".cache" / "soak.json"

Stretch = Callable[[float, int, Path], int]
"""Soaks for some minutes, the how-manieth stretch it is, and writes what came of it into the file. The exit code."""


def soak(minutes: float, hours: float | None, seed: int | None) -> int:
    setup()
    build_engine()

    def stretch(minutes: float, number: int, result: Path) -> int:
        command: Command = [PYTHON, ROOT / "bench" / "_soak.py", "--minutes", str(minutes), "--result", result]
        return exit_code_of(command if seed is None else [*command, "--seed", str(seed + number)])

    NOTES.parent.mkdir(exist_ok=True)
    if hours is None:
        return stretch(minutes, 0, NOTES.with_suffix(".stretch.json"))
    return soak_hours(hours, NOTES, stretch)


def soak_hours(hours: float, notes: Path, stretch: Stretch) -> int:
    """Goes on where the same number of hours was interrupted; a stretch that fails ends it, and is to be done again."""
    done = json.loads(notes.read_text()) if notes.exists() else {}
    if done.get("hours") != hours:
        done = {"hours": hours, "minutes": 0.0, "stretches": 0, "calls": 0, "faults": 0, "unexplained": 0}
    elif done["stretches"] > 0:
        say(f"going on: {_told(done)}")
    result = notes.with_suffix(".stretch.json")
    while (left := hours * 60 - done["minutes"]) > 0:
        minutes = min(STRETCH_MINUTES, left)
        if (code := stretch(minutes, done["stretches"], result)) != 0:
            say(f"this stretch failed; before it: {_told(done)}")
            return code
        came = json.loads(result.read_text())
        done["minutes"] += minutes
        done["stretches"] += 1
        for name in ("calls", "faults", "unexplained"):
            done[name] += came[name]
        notes.write_text(json.dumps(done))
        say(_told(done))
    notes.unlink(missing_ok=True)
    return 0


def _told(done: dict[str, float]) -> str:
    return (
        f"{done['minutes'] / 60:.2f} of {done['hours']:g} h, {done['calls']:.0f} calls "
        f"under {done['faults']:.0f} faults, {done['unexplained']:.0f} errors that no fault explains"
    )
