"""Asks bodies that passed their deadline to stop: an exception in their thread, and again while they swallow it.

It reaches a body only between two steps of Python: not in a C call that does not come back, such as a long sleep.
"""

from __future__ import annotations

import _thread
import ctypes
import sys
import threading
import time

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 1.0
# A body that runs Python sees the exception at once.
_DELIVERY_S = 0.02


class BodyStopped(BaseException):
    """Raised in the thread of a body that has passed its deadline. No Exception: a body's `except` lets it pass."""


FROM_OUTSIDE = (BodyStopped, KeyboardInterrupt)
"""What is raised in a body and is not its own: no code around it may swallow that."""


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
                    _take_own()
                return
            except BodyStopped:
                continue

    def ask(self) -> bool:
        """Raises BodyStopped in the body; False if it does not run any more."""
        with self._lock:
            if self._ident is None:
                return False
            self._asked = True
            _raise_in(self._ident)
            return True


class Stopper:
    """Asks again and again, each time after a longer pause; its thread lives only while there is somebody to ask.

    Only that thread raises the interpreter's flag (`_take_own`), and it lowers it: nobody traces it. A thread of
    `threading` would have the trace function of coverage, or the profiler's, and stand still with the others.
    """

    def __init__(self) -> None:
        self._lock = _thread.allocate_lock()
        self._bodies: dict[StopPoint, tuple[float, float]] = {}
        """When each is asked next, and the pause after that."""
        self._is_running = False
        self._wake = _thread.allocate_lock()
        self._wake.acquire()

    def stop(self, point: StopPoint) -> None:
        """Asks soon, and goes on until the body has ended."""
        with self._lock:
            self._bodies[point] = (time.monotonic(), _FIRST_PAUSE_S)
            if self._is_running:
                if self._wake.locked():
                    self._wake.release()
                return
            self._is_running = True
        try:
            _thread.start_new_thread(self._work, ())
        except RuntimeError:  # no thread can be had: the body is asked once
            with self._lock:
                self._is_running = False
                self._bodies.clear()
            point.ask()

    def _work(self) -> None:
        sys.settrace(None)  # a debugger can have replaced the function that starts threads
        sys.setprofile(None)
        while True:
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
            if chosen:
                time.sleep(_DELIVERY_S)
                _take_own()
            with self._lock:
                if not self._bodies:
                    self._is_running = False
                    return
                due = min(at for at, _ in self._bodies.values())
            self._wake.acquire(True, max(0.005, due - time.monotonic()))


def _raise_in(ident: int) -> None:
    """Does nothing where the interpreter is not CPython."""
    api = getattr(ctypes, "pythonapi", None)
    if api is not None:
        api.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), ctypes.py_object(BodyStopped))


def _take_own() -> None:
    """Raises one in this thread, in place of one that is on its way here, and catches it.

    The interpreter has one flag for all threads that an exception is on its way, and lowers it only when a thread takes
    its own: one that waits for a thread that stays in C leaves it up. Then every Python call is slower, and on Python
    3.11 each thread with a trace or profile function (coverage, a profiler) stands still at 100 % CPU.
    """
    try:
        _raise_in(_thread.get_ident())
        for _ in range(1_000):
            pass
    except BodyStopped:
        pass
