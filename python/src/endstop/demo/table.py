"""The table at the end: one row a case, plain CrewAI and Endstop side by side, 99 columns wide."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from endstop.demo.judging import Row
from endstop.demo.measured import Measured

WIDTH = 99
TITLE_WIDTH = 29
OUTCOME_WIDTH = 14


def table(rows: Sequence[Row], crewai_version: str, endstop_version: str) -> str:
    """The table as text, with a note for each exception that ended a run."""
    header = f"{'outcome':{OUTCOME_WIDTH}} {'time':>5} {'bodies':>6} {'model':>5}"
    plain, endstop = f"plain CrewAI {crewai_version}", f"with Endstop {endstop_version}"
    lines = [
        f"{'':{TITLE_WIDTH}}  {plain:{len(header)}}  {endstop}",
        f"{'case':{TITLE_WIDTH}}  {header}  {header}",
    ]
    lines.append("-" * WIDTH)
    for row in rows:
        left, right = _side(row.plain, row.plain.outcome), _side(row.endstop, _compared_outcome(row))
        lines.append(f"{row.case.full_title:{TITLE_WIDTH}}  {left}  {right}")
    return "\n".join(lines + _notes(rows))


def _compared_outcome(row: Row) -> str:
    """Of the side with Endstop; where the answers should be the same, it says whether they are."""
    plain, endstop = row.plain.ending, row.endstop.ending
    if not row.case.same_answer or plain is None or endstop is None or endstop.answer is None:
        return row.endstop.outcome
    return "same answer" if plain.answer == endstop.answer else "other answer"


def _side(measured: Measured, outcome: str) -> str:
    outcome = shortened(outcome, OUTCOME_WIDTH)
    return f"{outcome:{OUTCOME_WIDTH}} {measured.seconds:>4.1f}s {measured.bodies:>6} {measured.model_calls:>5}"


def shortened(text: str, width: int) -> str:
    """The text, cut to the width where it is longer."""
    return text if len(text) <= width else text[: width - 1] + "…"


def _notes(rows: Sequence[Row]) -> list[str]:
    notes = [
        f"{row.case.full_title}, {side}: {ending.error_name}: {ending.error_text}"
        for row in rows
        for side, ending in (("plain CrewAI", row.plain.ending), ("Endstop", row.endstop.ending))
        if ending is not None and ending.error_name is not None
    ]
    return ["", "Exceptions that ended a run:", *map(_indented, notes)] if notes else []


def _indented(note: str) -> str:
    return textwrap.fill(note, WIDTH, initial_indent="  ", subsequent_indent="    ", max_lines=3, placeholder=" …")
