"""Whether somebody is stepping through the program: then no deadline may end a tool under their hands."""

from __future__ import annotations

import functools
import logging
import os
import sys

_COVERAGE_MODULES = ("coverage", "trace")
_told = False


def debugging() -> bool:
    """True under a debugger or with ENDSTOP_DEBUG=1. Says so once, in the log `endstop`."""
    if _is_forced() or _a_debugger_traces():
        _tell_once()
        return True
    return False


@functools.cache
def _is_forced() -> bool:
    """As the environment was at the first call: this is asked for each call, and reading it costs."""
    return os.environ.get("ENDSTOP_DEBUG") == "1"


def _a_debugger_traces() -> bool:
    trace = sys.gettrace()
    if trace is not None:
        module = getattr(trace, "__module__", None) or type(trace).__module__
        if module.partition(".")[0] not in _COVERAGE_MODULES:
            return True
    if sys.version_info >= (3, 12):
        return sys.monitoring.get_tool(sys.monitoring.DEBUGGER_ID) is not None
    return False


def _tell_once() -> None:
    global _told
    if not _told:
        _told = True
        logging.getLogger("endstop").warning(
            "Endstop sees a debugger or ENDSTOP_DEBUG=1: tools run in this process and have no deadlines."
        )
