"""Lets what a body in a worker calls, itself or by processes that it starts, join the body's call."""

from __future__ import annotations

import os
import sys

CALL_VARIABLE = "ENDSTOP_CALL"
"""In the environment of a process that belongs to a call: the token of that call, its id, and the engine's socket."""


def invitation(token: str, call_id: str, socket_path: str) -> str:
    """The value of that variable."""
    return f"{token} {call_id} {socket_path}"


class Joining:
    """The environment's variable during one body after the other."""

    def __init__(self, socket_path: str) -> None:
        self._socket_path = socket_path

    def begin(self, call_id: str, token: str) -> None:
        os.environ[CALL_VARIABLE] = invitation(token, call_id, self._socket_path)

    def end(self) -> None:
        """The call has its outcome, and the engine has closed what was dialed in its name."""
        os.environ.pop(CALL_VARIABLE, None)
        engine = sys.modules.get("endstop.client.engine")  # there only if a tool has used it
        if engine is not None:
            engine.leave_call()
