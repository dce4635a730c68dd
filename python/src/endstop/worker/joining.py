"""Lets what a body in a worker calls, itself or by processes that it starts, join the body's call."""

from __future__ import annotations

import os
import sys

CALL_VARIABLE = "ENDSTOP_CALL"
"""In the environment of a process that belongs to a call: a token, whose it is (a call's id, or the name of the worker
that runs the call), and the engine's socket."""


def invitation(token: str, name: str, socket_path: str) -> str:
    """The value of that variable."""
    return f"{token} {name} {socket_path}"


def let_bodies_join(worker: int, token: str, socket_path: str) -> None:
    """For as long as this worker lives: its token stands for the call that it runs at that time."""
    os.environ[CALL_VARIABLE] = invitation(token, f"worker-{worker}", socket_path)


def leave_call() -> None:
    """The call has its outcome, and the engine has closed what was dialed in its name."""
    engine = sys.modules.get("endstop.client.engine")  # there only if a tool has used it
    if engine is not None:
        engine.leave_call()
