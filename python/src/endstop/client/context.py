"""Which call a piece of code belongs to."""

from __future__ import annotations

from contextvars import Context, ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from endstop.client.connection import Connection

current_call: ContextVar[str | None] = ContextVar("endstop_current_call", default=None)
"""`callId` of the call whose body runs in this context."""

current_connection: ContextVar[Connection | None] = ContextVar("endstop_current_connection", default=None)
"""To the engine that decided on that call."""


def enter_call(context: Context, call_id: str, connection: Connection) -> None:
    """What runs in `context` from now on is the body of this call."""
    context.run(current_call.set, call_id)
    context.run(current_connection.set, connection)
