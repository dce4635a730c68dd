"""Linux process attributes that Python has no call for. Elsewhere there is nothing to set, and nothing to see."""

from __future__ import annotations

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_SECURITY = (3, 21, 39)  # PR_GET_DUMPABLE, PR_GET_SECCOMP, PR_GET_NO_NEW_PRIVS

# Loaded once, in the template: a forked worker then needs only the system call.
_prctl = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None


def adopt_orphans() -> None:
    """Makes this process the parent of its descendants whose own parent ends, also of those that called setsid."""
    _set(_PR_SET_CHILD_SUBREAPER, 1)


def signal_on_parent_death(signal_number: int) -> None:
    """Sends this process a signal when the *thread* that created it ends. A fork clears it, an exec keeps it."""
    _set(_PR_SET_PDEATHSIG, signal_number)


def security_attributes() -> tuple[int, ...]:
    """Whether others of its user may look into this process, seccomp mode, and whether an exec gives no new rights."""
    return () if _prctl is None else tuple([_prctl(option, 0, 0, 0, 0) for option in _SECURITY])


def _set(option: int, value: int) -> None:
    if _prctl is not None and _prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), "prctl")
