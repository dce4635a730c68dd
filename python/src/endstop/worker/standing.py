"""What a body can change of its process and nobody can put back for the next one."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # as in surroundings.py
import os
import resource
from contextlib import suppress
from typing import Any

from endstop.worker.prctl import security_attributes

# The worker sets soft ones of these for each call.
_OWN_LIMITS = {resource.RLIMIT_CPU, getattr(resource, "RLIMIT_DATA", resource.RLIMIT_CPU)}
_LIMITS = [
    (number, 1 if number in _OWN_LIMITS else 0)
    for number in sorted({getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")})
]
_NAMESPACES = ("/proc/self/ns/net", "/proc/self/ns/mnt")


def standing() -> tuple[Any, ...]:
    """Limits, user, priority, blocked signals, security, root and namespaces, to be compared. Costs about 20 µs."""
    return (
        [resource.getrlimit(number)[first:] for number, first in _LIMITS],
        os.getresuid() if hasattr(os, "getresuid") else (os.getuid(), os.geteuid()),
        os.getresgid() if hasattr(os, "getresgid") else (os.getgid(), os.getegid()),
        os.getpriority(os.PRIO_PROCESS, 0),
        _signal.pthread_sigmask(_signal.SIG_BLOCK, ()),
        security_attributes(),
        _root(),
        [_namespace(path) for path in _NAMESPACES],
    )


def _root() -> tuple[int, int]:
    found = os.stat("/")
    return found.st_dev, found.st_ino


def _namespace(path: str) -> str | None:
    with suppress(OSError):  # not Linux
        return os.readlink(path)
    return None
