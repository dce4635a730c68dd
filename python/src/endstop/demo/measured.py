"""What was measured of one run of one case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Side = Literal["plain", "endstop"]


@dataclass(frozen=True, slots=True)
class Ending:
    """How a kickoff ended: with the crew's answer, or with an exception (its name and its text)."""

    seconds: float
    answer: str | None = None
    error_name: str | None = None
    error_text: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """One case on one side.

    `ending` is None without one: the process was killed after `seconds` because it hung, or else it `died` by itself.
    `lingered`: after the ending the process did not exit by itself.
    """

    seconds: float
    bodies: int
    model_calls: int
    ending: Ending | None
    died: str | None = None
    lingered: bool = False

    @property
    def outcome(self) -> str:
        """In a few words."""
        if self.ending is None:
            return "hang, killed" if self.died is None else "process died"
        return self.ending.error_name or "answer"
