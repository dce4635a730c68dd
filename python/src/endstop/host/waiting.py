"""The clock of a body, which stands still while the body waits for a person at `input()` or `getpass.getpass()`."""

from __future__ import annotations

import _thread
import builtins
import functools
import getpass
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from endstop.host.watch import Watch

current_clock: ContextVar[BodyClock | None] = ContextVar("endstop_clock", default=None)


def _tell_nobody(event: str) -> None:
    pass


tell_of_pause: Callable[[str], None] = _tell_nobody
"""Tells whoever else holds the deadlines of the bodies of this context: "pause", "resume"."""


class BodyClock:
    """Seconds that a body has used, without those in which it waited for a person.

    A body that is called by another one stops that one's clock, too: both wait.
    """

    __slots__ = ("_lock", "_paused_s", "_pauses", "_paused_since", "_started", "parent")

    def __init__(self, parent: BodyClock | None = None) -> None:
        self.parent = parent
        self._lock = _thread.allocate_lock()
        self._started = time.monotonic()
        self._paused_s = 0.0
        self._paused_since = 0.0
        self._pauses = 0

    def used_s(self) -> float:
        now = time.monotonic()
        with self._lock:
            standing = now - self._paused_since if self._pauses else 0.0
            return now - self._started - self._paused_s - standing

    @property
    def stands(self) -> bool:
        return self._pauses > 0

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """May be nested, and used by several threads."""
        clocks = list(self._chain())
        for clock in clocks:
            clock._pause()
        tell_of_pause("pause")
        try:
            yield
        finally:
            for clock in clocks:
                clock._resume()
            tell_of_pause("resume")

    def _chain(self) -> Iterator[BodyClock]:
        clock: BodyClock | None = self
        while clock is not None:
            yield clock
            clock = clock.parent

    def _pause(self) -> None:
        with self._lock:
            self._pauses += 1
            if self._pauses == 1:
                self._paused_since = time.monotonic()

    def _resume(self) -> None:
        with self._lock:
            self._pauses -= 1
            if self._pauses == 0:
                self._paused_s += time.monotonic() - self._paused_since


def stop_watching() -> None:
    """Puts back what was there, where it is still ours."""
    for watch in WAITING_WATCHES:
        watch.take_off()


def _stopping_the_clock(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def waiting(*args: Any, **kwargs: Any) -> Any:
        clock = current_clock.get()
        if clock is None:
            return original(*args, **kwargs)
        with clock.stopped():
            return original(*args, **kwargs)

    return waiting


WAITING_WATCHES = [Watch(builtins, "input", _stopping_the_clock), Watch(getpass, "getpass", _stopping_the_clock)]
"""Put on before each body with a deadline: somebody may have replaced `input` since the last one."""
