"""What has to be true with Endstop: good tools answer the same, bad ones are stopped in time."""

from __future__ import annotations

from dataclasses import dataclass

from endstop.demo.case import Case
from endstop.demo.measured import Measured

GRACE_S = 1.0
"""What a crew may take above its case's limit: it also has to start and to end."""


@dataclass(frozen=True, slots=True)
class Row:
    """One case as it was on both sides."""

    case: Case
    plain: Measured
    endstop: Measured


def reasons(row: Row) -> list[str]:
    """Why a case is not as it should be; empty if it is."""
    case, endstop = row.case, row.endstop
    ending = endstop.ending
    if ending is None:
        return [f"{endstop.outcome} after {endstop.seconds:.1f} s" + (f": {endstop.died}" if endstop.died else "")]
    found = []
    if endstop.lingered:
        found.append("its process did not exit by itself")
    if ending.seconds > case.limit_s + GRACE_S:
        found.append(f"outcome after {ending.seconds:.1f} s, limit {case.limit_s:g} s")
    if endstop.bodies != case.bodies:
        found.append(f"bodies: {endstop.bodies}, expected {case.bodies}")
    if ending.error_name != case.error:
        found.append(f"{endstop.outcome}, expected {case.error or 'answer'}: {ending.error_text or ending.answer}")
    elif ending.answer is not None:
        if case.answer_has not in ending.answer:
            found.append(f"{case.answer_has!r} is not in its answer: {ending.answer}")
        if case.same_answer and (row.plain.ending is None or row.plain.ending.answer != ending.answer):
            found.append("not the answer of plain CrewAI")
    return found
