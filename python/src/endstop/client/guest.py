"""A guest: a process that a body started, or a worker in the middle of one.

It belongs to the body's call. It dials the engine that decided on that call, so its own calls join the tree, run and
budgets there. Once that call has its outcome nobody is let in any more, and the process has an engine of its own.
"""

from __future__ import annotations

import os
import socket
import sys
from contextlib import suppress
from typing import Any

from endstop import frames
from endstop._version import __version__
from endstop.client.surroundings import WholeSurroundings
from endstop.worker.environment import Variable
from endstop.worker.joining import CALL_VARIABLE

PROCESS_CONFIGURATION_KEY = "endstop_call"
"""In the configuration that multiprocessing hands to a process, whatever its start method."""


_CALL = Variable(CALL_VARIABLE)
_was_looked_for = False
"""Whether this process has looked for a call that multiprocessing handed to it: it does so before it runs anything."""


def shown_invitation() -> str | None:
    """The call that this process belongs to now, as it was handed to it; None if to none."""
    global _was_looked_for
    if not _was_looked_for:
        _was_looked_for = True
        _take_what_was_handed()
    return _CALL.value()


def _take_what_was_handed() -> None:
    # Another thread may be importing the module at this moment; a process that was handed a call has it whole.
    current_process = getattr(sys.modules.get("multiprocessing.process"), "current_process", None)
    if current_process is None:
        return
    handed = getattr(current_process(), "_config", {}).pop(PROCESS_CONFIGURATION_KEY, None)
    if handed is not None:
        os.environ[CALL_VARIABLE] = handed  # for what this process starts in its turn


def _after_fork_in_child() -> None:
    global _was_looked_for
    _was_looked_for = False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


class GuestLink:
    """A socket to the engine of another process. Raises OSError if nobody listens there."""

    def __init__(self, invitation: str) -> None:
        self.invitation: str | None = invitation
        self.directory: str | None = None
        self.inherited = WholeSurroundings()
        self.hello = _hello(invitation)
        if not hasattr(socket, "AF_UNIX"):
            raise OSError("this system has no Unix sockets in Python")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.connect(invitation.split(" ", 2)[2])
        except BaseException:
            self._socket.close()
            raise
        self.stdin = self.stdout = self._socket.fileno()

    def close_stdin(self) -> None:
        # Not closed yet: somebody may read, and wakes up by this.
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close_stdout(self) -> None:
        self._socket.close()

    def kill(self) -> None:
        self.close_stdin()

    def reap(self, wait_s: float) -> str:
        return "the engine of the call that this process belongs to"

    def forget(self) -> None:
        self._socket.close()


def _hello(invitation: str) -> dict[str, Any]:
    """Raises OSError if the invitation makes no sense."""
    try:
        token, call, _socket_path = invitation.split(" ", 2)
    except ValueError:
        raise OSError(f"{CALL_VARIABLE} makes no sense") from None
    return {
        "type": "hello",
        "protocol": frames.PROTOCOL_VERSION,
        "version": __version__,
        "pid": os.getpid(),
        "guest": {"call": call, "token": token},
    }
