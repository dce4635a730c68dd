"""The end of a session in its engine: by `close`, or when nobody can use it any more and it is collected."""

from __future__ import annotations

import _thread
import contextlib
from collections import deque

from endstop import frames
from endstop.client.connection import ChannelLost, Connection
from endstop.client.workplace import Workplace
from endstop.host.bodies import body_threads


class Dismissal:
    """Holds what the end of a session needs, and not the session. `attached` is the connection that knows it."""

    def __init__(self, session: str, workplace: Workplace) -> None:
        self.attached: Connection | None = None
        self._session = session
        self._workplace = workplace

    def carry_out(self) -> None:
        """Its engine cancels its calls in flight, closes its files and removes them. More than once does no harm."""
        self._workplace.sessions.discard(self._session)
        body_threads.release((self._session,))
        connection = self.attached
        if connection is not None and connection.lost is None:
            with contextlib.suppress(ChannelLost):
                connection.send(frames.encode({"type": "close-engine", "engine": self._session}))
                return
        # The engine that wrote them is gone, and no other one has asked for them.
        self._workplace.remove_journals(self._session)


_dropped: deque[Dismissal] = deque()
_carrying = _thread.allocate_lock()


def when_collected(dismissal: Dismissal) -> None:
    """A session is collected in the middle of anything, with any lock held: so another thread does what is to be done.

    No `threading.Thread`, whose start takes a lock, too.
    """
    _dropped.append(dismissal)
    if _carrying.acquire(blocking=False):
        try:
            _thread.start_new_thread(_carry_out_all, ())
        except RuntimeError:  # the interpreter ends, and the engine with it; or no thread is to be had now
            _carrying.release()


def _carry_out_all() -> None:
    while True:
        try:
            while _dropped:
                _dropped.popleft().carry_out()
        finally:
            _carrying.release()
        # What came after the last look and before the lock was free again.
        if not _dropped or not _carrying.acquire(blocking=False):
            return


def forget_dropped() -> None:
    """In a forked child: they are the parent's to tell."""
    global _carrying
    _dropped.clear()
    _carrying = _thread.allocate_lock()
