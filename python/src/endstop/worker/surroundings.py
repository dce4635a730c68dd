"""What a body finds around it: working directory, environment, umask, signal handlers, standard streams.

Each call begins with those of the host, but for the standard output, which is the host's standard error, and what a
body changes is put back before the next one.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # no stub; `signal` itself makes enumerations, at ten times the cost
import fcntl
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from endstop.worker.descriptors import LOWEST_DESCRIPTOR
from endstop.worker.environment import raw_environment
from endstop.worker.joining import CALL_VARIABLE
from endstop.worker.moving import CannotMove

_SIGNALS = (_signal.SIGINT, _signal.SIGTERM, _signal.SIGALRM, _signal.SIGHUP, _signal.SIGCHLD, _signal.SIGPIPE)


class Surroundings:
    """As they were when the worker was ready. Made once, on the main thread."""

    def __init__(self) -> None:
        self._directory = _directory_now()
        self._way_back = _opened_directory()
        self._environment = dict(os.environ)
        self._raw_environment = dict(raw_environment())
        self._umask = os.umask(0o077)
        os.umask(self._umask)
        self._handlers = _handlers_now()
        self._streams = sys.stdin, sys.stdout, sys.stderr
        self._descriptors = [(kept, number) for number in (0, 1, 2) if (kept := _kept(number)) is not None]

    def enter(self, changes: Mapping[str, Any]) -> None:
        """The host's `directory` and `environment` (None: the name is gone), where they differ. Raises CannotMove.

        With `isWhole`, every other name is gone, too.
        """
        directory = changes.get("directory")
        if directory is not None:
            try:
                os.chdir(directory)
            except OSError as problem:
                text = f"the working directory {directory} cannot be entered: {problem.strerror}"
                raise CannotMove(text) from problem
        environment = changes.get("environment", {})
        if changes.get("isWhole"):
            environment = {**dict.fromkeys(os.environ), **environment}
        for name, value in environment.items():
            if name == CALL_VARIABLE:
                continue  # it is this worker's own
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    def restore(self) -> None:
        """Puts back what a body changed. Raises OSError if a body has closed what leads back."""
        if self._way_back is not None and _directory_now() != self._directory:
            os.fchdir(self._way_back)
        if raw_environment() != self._raw_environment:
            for name in [name for name in os.environ if name not in self._environment]:
                del os.environ[name]
            os.environ.update(self._environment)
        os.umask(self._umask)
        now = _handlers_now()
        if now != self._handlers:
            for number, handler, changed in zip(_SIGNALS, self._handlers, now, strict=True):
                # None: it was set from C, and cannot be set from here.
                if handler is not None and changed != handler:
                    _signal.signal(number, handler)
        _signal.setitimer(_signal.ITIMER_REAL, 0)
        sys.stdin, sys.stdout, sys.stderr = self._streams
        for kept, number in self._descriptors:
            os.dup2(kept, number)


def _kept(number: int) -> int | None:
    with suppress(OSError):  # it is closed
        return fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, LOWEST_DESCRIPTOR)
    return None


def _opened_directory() -> int | None:
    """Leads back there also when it has been moved, or removed."""
    with suppress(OSError):  # it may not be read
        opened = os.open(".", getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY)
        try:
            return _kept(opened)
        finally:
            os.close(opened)
    return None


def _directory_now() -> str | None:
    try:
        return os.getcwd()
    except OSError:  # it is gone, or may not be read any more
        return None


def _handlers_now() -> tuple[Any, ...]:
    return tuple(map(_signal.getsignal, _SIGNALS))
