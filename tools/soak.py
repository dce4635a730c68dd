"""`dev soak`: mixed calls under random faults for some minutes; fails past the bounds it names."""

from __future__ import annotations

from tools.build import build_engine
from tools.environment import PYTHON, setup
from tools.steps import ROOT, exit_code_of


def soak(minutes: float, seed: int | None) -> int:
    setup()
    build_engine()
    options = ["--minutes", str(minutes), *([] if seed is None else ["--seed", str(seed)])]
    return exit_code_of([PYTHON, ROOT / "bench" / "_soak.py", *options])
