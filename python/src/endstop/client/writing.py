"""Writes to the engine, whose end is an error for its host and nothing else."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # without the search for an enum's member, as long as the write
import os
import signal

_SIGPIPE = getattr(signal, "SIGPIPE", None)


def write(descriptor: int, data: bytes | memoryview) -> int:
    """As `os.write`, also in a program that gave SIGPIPE its default back, as for `| head`: it would end it."""
    if _SIGPIPE is None or _signal.getsignal(_SIGPIPE) != signal.SIG_DFL:
        return os.write(descriptor, data)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [_SIGPIPE])
    try:
        return os.write(descriptor, data)
    finally:
        if _SIGPIPE not in before and _SIGPIPE in signal.sigpending():
            signal.sigwait([_SIGPIPE])
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
