"""Which call a piece of code belongs to."""

from __future__ import annotations

from contextlib import suppress
from contextvars import Context, ContextVar

from endstop import frames
from endstop.client.connection import ChannelLost, Connection
from endstop.host import waiting

current_call: ContextVar[str | None] = ContextVar("endstop_current_call", default=None)
"""`callId` of the call whose body runs in this context."""

current_connection: ContextVar[Connection | None] = ContextVar("endstop_current_connection", default=None)
"""To the engine that decided on that call."""


def _tell_of_pause(event: str) -> None:
    connection, call = current_connection.get(), current_call.get()
    if connection is not None and call is not None:
        with suppress(ChannelLost):
            connection.send(frames.encode({"type": event, "call": call}))


waiting.tell_of_pause = _tell_of_pause


def enter_call(context: Context, call_id: str, connection: Connection) -> None:
    """What runs in `context` from now on is the body of this call."""
    context.run(current_call.set, call_id)
    context.run(current_connection.set, connection)
