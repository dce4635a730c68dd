"""Notices an engine that has gone silent while somebody waits for it, stopped or in a long computation, and ends it."""

from __future__ import annotations

import _thread
import contextlib
import os
import select
import time
from typing import TYPE_CHECKING

from endstop import frames

if TYPE_CHECKING:
    from endstop.client.connection import Connection

TICK_S = 0.25
SILENT_TICKS = 7
# An engine that takes up a long journal has more to do before its first answer.
FIRST_ANSWER_TICKS = 60
_PING = frames.encode({"type": "ping"})


class SilenceWatch:
    """Of one connection. Its thread lives while calls are open; only a thread of its own sees that others hang.

    What was not heard counts in ticks, not in seconds: a machine that is overloaded, or a host that was stopped, makes
    the ticks late as well, and a late one does not count.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._is_running = False

    def start(self) -> None:
        """Under the connection's lock, when a slot is opened. Does nothing if it runs, or cannot."""
        if self._is_running or not hasattr(select, "poll") or self._connection.process.invitation is not None:
            return
        self._is_running = True
        try:
            # threading's would wait until it runs.
            _thread.start_new_thread(self._work, ())
        except RuntimeError:  # no thread can be had
            self._is_running = False

    def _work(self) -> None:
        connection = self._connection
        heard, quiet = connection.signs_of_life, 0
        while True:
            began_s = time.monotonic()
            time.sleep(TICK_S)
            is_late = time.monotonic() - began_s > 1.5 * TICK_S
            with connection._lock:
                if connection.lost is not None or not connection.has_open_slots:
                    self._is_running = False
                    return
            if (
                not connection.is_waited_for
                or connection.signs_of_life != heard
                or self._can(connection.process.stdout, "in")
            ):
                heard, quiet = connection.signs_of_life, 0
            elif not is_late:
                quiet += 1
                if quiet == 1:
                    self._ping()
                elif quiet > (SILENT_TICKS if connection.proved else FIRST_ANSWER_TICKS):
                    connection.process.kill()
                    connection.end(f"the engine said nothing for {quiet * TICK_S:.1f} s")

    def _ping(self) -> None:
        connection = self._connection
        if connection._write_lock.acquire(False):
            try:
                if self._can(connection.process.stdin, "out"):
                    with contextlib.suppress(OSError):
                        os.write(connection.process.stdin, _PING)
            finally:
                connection._write_lock.release()

    @staticmethod
    def _can(descriptor: int, what: str) -> bool:
        """Whether there is something to read, or a small frame can be written without waiting."""
        poll = select.poll()
        poll.register(descriptor, select.POLLIN if what == "in" else select.POLLOUT)
        return bool(poll.poll(0))
