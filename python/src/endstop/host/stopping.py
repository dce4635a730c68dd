"""Asks bodies that passed their deadline to stop: an exception in their thread, and again while they swallow it.

It reaches a body only between two steps of Python: not in a C call that does not come back, such as a long sleep.
"""

from __future__ import annotations

import _thread
import ctypes
import threading
import time

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 1.0
# A body that runs Python sees the exception at once.
_DELIVERY_S = 0.02


class BodyStopped(BaseException):
    """Raised in the thread of a body that has passed its deadline. No Exception: a body's `except` lets it pass."""


class _Here(threading.local):
    point: StopPoint | None = None


_here = _Here()


def is_stoppable() -> bool:
    """Whether this thread runs a body in which BodyStopped may be raised."""
    return _here.point is not None


class StopPoint:
    """Where one body runs. Nothing is raised in its thread before the body begins, nor after it has ended."""

    __slots__ = ("_asked", "_ident", "_lock", "_outer")

    def __init__(self) -> None:
        self._outer: StopPoint | None = None
        self._lock = _thread.allocate_lock()
        self._ident: int | None = None
        self._asked = False

    @property
    def ident(self) -> int | None:
        """Of the thread, while the body runs."""
        return self._ident

    def enter(self) -> None:
        self._outer = _here.point
        _here.point = self
        self._ident = _thread.get_ident()

    def leave(self) -> None:
        """After this nothing is raised any more. What is on its way is taken back, or swallowed here."""
        while True:
            try:
                with self._lock:
                    self._ident = None
                    _here.point = self._outer
                    if self._asked:
                        _raise_in(_thread.get_ident(), None)
                return
            except BodyStopped:
                continue

    def ask(self) -> bool:
        """Raises BodyStopped in the body; False if it does not run any more."""
        with self._lock:
            if self._ident is None:
                return False
            self._asked = True
            _raise_in(self._ident, BodyStopped)
            return True


class Stopper:
    """Asks again and again, each time after a longer pause; its thread lives only while there is somebody to ask."""

    def __init__(self) -> None:
        self._lock = _thread.allocate_lock()
        self._bodies: dict[StopPoint, tuple[float, float]] = {}
        """When each is asked next, and the pause after that."""
        self._is_running = False

    def stop(self, point: StopPoint) -> None:
        """Asks now, and goes on until the body has ended."""
        if not point.ask():
            return
        with self._lock:
            self._bodies[point] = (time.monotonic() + _FIRST_PAUSE_S, _FIRST_PAUSE_S * 2)
            if self._is_running:
                return
            self._is_running = True
        try:
            threading.Thread(target=self._work, name="endstop-stopper", daemon=True).start()
        except RuntimeError:  # no thread can be had: the body was asked once
            with self._lock:
                self._is_running = False

    def _work(self) -> None:
        while True:
            time.sleep(_DELIVERY_S)
            _lower_flag()
            with self._lock:
                if not self._bodies:
                    self._is_running = False
                    return
                due = min(at for at, _ in self._bodies.values())
            time.sleep(max(0.005, min(due - time.monotonic(), _FIRST_PAUSE_S)))
            now = time.monotonic()
            with self._lock:
                chosen = [(point, pause) for point, (at, pause) in self._bodies.items() if at <= now]
            for point, pause in chosen:
                is_there = point.ask()
                with self._lock:
                    if is_there:
                        self._bodies[point] = (now + pause, min(pause * 2, _LONGEST_PAUSE_S))
                    else:
                        del self._bodies[point]


def _raise_in(ident: int, kind: type[BaseException] | None) -> None:
    """None takes back what has not been raised yet. Does nothing where the interpreter is not CPython."""
    api = getattr(ctypes, "pythonapi", None)
    if api is not None:
        api.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), ctypes.py_object(kind) if kind is not None else None)


def _lower_flag() -> None:
    """Raises and catches one here.

    The interpreter has one flag for all threads that an exception is on its way, and lowers it only when a thread takes
    its own: one that was taken back, or waits for a thread that stays in C, leaves it up. Then every Python call is
    slower, and on Python 3.11 a thread with a trace function (a debugger, coverage) stands still.
    """
    try:
        _raise_in(_thread.get_ident(), BodyStopped)
        for _ in range(1_000):
            pass
    except BodyStopped:
        pass
