"""Says what is going on: a line for each case that has ended and, on a terminal, one that shows those that run."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from endstop.demo.measured import Measured, Side

if TYPE_CHECKING:
    from endstop.demo.processes import CaseProcess

SIDE_NAMES: dict[Side, str] = {"plain": "plain CrewAI", "endstop": "Endstop"}


class Progress:
    """Writes to standard output. Where that is no terminal, only lines that stay are written."""

    def __init__(self) -> None:
        self._is_terminal = sys.stdout.isatty()
        self._shown = ""

    def now(self, text: str) -> None:
        """Replaces the line that changes; an empty text removes it."""
        if self._is_terminal and text != self._shown:
            print(f"\r\x1b[K{text[: shutil.get_terminal_size().columns - 1]}", end="", flush=True)
            self._shown = text

    def line(self, text: str = "") -> None:
        """Writes a line that stays."""
        self.now("")
        print(text, flush=True)

    def running(self, processes: Sequence[CaseProcess]) -> None:
        """Shows which cases run, and for how long."""
        self.now("  ".join(f"{one.case.title} on {SIDE_NAMES[one.side]}: {one.elapsed_s:.0f} s" for one in processes))

    def ended(self, process: CaseProcess, measured: Measured) -> None:
        """Tells how a case ended."""
        side, title = SIDE_NAMES[process.side], process.case.full_title
        self.line(f"  {side:12}  {title:29}  {measured.outcome}, {measured.seconds:.1f} s")
