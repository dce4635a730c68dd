"""What a body changed in its context variables, for its caller: bodies run in a copy of the caller's context."""

from __future__ import annotations

from contextvars import Context, copy_context
from typing import Any, Final

from endstop.crewai.timing import Timing

_NOTHING: Final[Any] = object()
_OURS: Final = "endstop_"
"""How the names of Endstop's own context variables begin: they are about the call, not about its caller."""


class ContextChanges:
    """Noted in the body's context at its start and end; applied in the caller's, where plain CrewAI made them.

    A body that goes on past its deadline changes nothing any more.
    """

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._before: Context | None = None
        self._after: Context | None = None

    def start(self) -> None:
        """Called in the body's context, before the body."""
        self._before = copy_context()
        self._timing.body_begins()

    def end(self) -> None:
        """Called in the body's context, when the body has ended."""
        self._timing.body_ends()
        self._after = copy_context()

    def apply(self) -> None:
        """Sets in the current context what the body set."""
        before, after = self._before, self._after
        if before is None or after is None:
            return
        for variable, value in after.items():
            if before.get(variable, _NOTHING) is not value and not variable.name.startswith(_OURS):
                variable.set(value)
