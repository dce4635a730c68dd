"""Which call a piece of code belongs to."""

from __future__ import annotations

from contextvars import ContextVar

current_call: ContextVar[str | None] = ContextVar("endstop_current_call", default=None)
"""`callId` of the call whose body runs in this context."""
