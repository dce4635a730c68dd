"""Notices an engine that has gone silent while somebody waits for it, stopped or in a long computation, and ends it."""

from __future__ import annotations

import _thread
import contextlib
import select
import time
from typing import TYPE_CHECKING

from endstop import frames
from endstop.client.writing import write

if TYPE_CHECKING:
    from endstop.client.connection import Connection

TICK_S = 0.25
SILENT_TICKS = 7
# An engine that takes up a long journal reads it in one go.
FIRST_ANSWER_TICKS = 60
LATE_S = 1.0
"""A body that begins this long after its admission, or later: the engine hears that it waits, and is asked first."""


PING = frames.encode({"type": "ping"})
"""Answered at once, by an engine that does nothing else."""


def waits(call: int) -> bytes:
    """Tells the engine that the body of a call has not begun yet: it is not taken for one that runs."""
    return frames.encode({"type": "waits", "id": call})


def cancel(call: int) -> bytes:
    """Tells the engine that nobody waits for a call any more."""
    return frames.encode({"type": "cancel", "id": call})


class SilenceWatch:
    """Of one connection. Its thread lives while calls are open; only a thread of its own sees that others hang.

    It tells the engine of callers that are silent, too: of a body that does not begin, an event loop that was closed.

    What was not heard counts in ticks, not in seconds: a machine that is overloaded, or a host that was stopped, makes
    the ticks late as well, and a late one does not count.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._is_running = False

    def start(self) -> None:
        """Under the connection's lock, when a slot is opened. Does nothing if it runs."""
        if self._is_running:
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
        told: set[int] = set()
        while True:
            began_s = time.monotonic()
            time.sleep(TICK_S)
            is_late = time.monotonic() - began_s > 1.5 * TICK_S
            with connection._lock:
                if connection.lost is not None or not connection.has_open_slots:
                    self._is_running = False
                    return
            self._tell_of_unbegun(told)
            self._give_up_of_closed_loops()
            if not hasattr(select, "poll"):  # Windows: what there is to read cannot be seen without reading it
                continue
            if (
                not connection.is_waited_for
                or connection.signs_of_life != heard
                or self._can(connection.process.stdout, "in")
            ):
                heard, quiet = connection.signs_of_life, 0
            elif not is_late:
                quiet += 1
                if quiet == 1:
                    if self._send(PING):
                        connection.note_ping()
                elif quiet > self._patience_ticks():
                    connection.was_silent = True
                    connection.process.kill()
                    connection.end(f"the engine said nothing for {quiet * TICK_S:.1f} s")

    def _patience_ticks(self) -> int:
        connection = self._connection
        if connection.process.invitation is not None:
            return SILENT_TICKS
        return SILENT_TICKS if connection.proved and not connection.takes_up_sessions else FIRST_ANSWER_TICKS

    def _tell_of_unbegun(self, told: set[int]) -> None:
        unbegun = self._connection.unbegun
        if not unbegun:
            return
        now_s = time.monotonic()  # before the look at what has not begun: see `Ticket._use`
        for call, since_s in list(unbegun.items()):
            if now_s - since_s > LATE_S and call not in told and self._send(waits(call)):
                told.add(call)
        told &= unbegun.keys()

    def _give_up_of_closed_loops(self) -> None:
        for slot in self._connection.slots_of_closed_loops():
            if self._send(cancel(slot.id)):
                self._connection.drop_slot(slot)

    def _send(self, frame: bytes) -> bool:
        """A small frame, if that needs no waiting."""
        connection = self._connection
        if not connection._write_lock.acquire(False):
            return False
        try:
            if connection.lost is not None or not self._can(connection.process.stdin, "out"):
                return False
            with contextlib.suppress(OSError):
                write(connection.process.stdin, frame)
            return True
        finally:
            connection._write_lock.release()

    @staticmethod
    def _can(descriptor: int, what: str) -> bool:
        """Whether there is something to read, or a small frame can be written without waiting."""
        if not hasattr(select, "poll"):
            return what == "out"
        poll = select.poll()
        poll.register(descriptor, select.POLLIN if what == "in" else select.POLLOUT)
        return bool(poll.poll(0))
