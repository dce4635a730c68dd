"""Whether somebody is stepping through the program: then no deadline may end a tool under their hands."""

from __future__ import annotations

import functools
import logging
import sys

from endstop.switches import is_debug_forced

# What steps through programs, by the package of its trace function. What else traces measures: deadlines hold under it.
_DEBUGGERS = frozenset({"bdb", "pdb", "ipdb", "pudb", "debugpy", "ptvsd", "pydevd", "_pydevd_bundle", "wdb"})
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
    return is_debug_forced()


def _a_debugger_traces() -> bool:
    trace = sys.gettrace()
    if trace is not None:
        owner = getattr(trace, "__self__", trace)
        of_function = getattr(trace, "__module__", None)
        names = [of_function, *(each.__module__ for each in type(owner).__mro__)]
        if any(isinstance(name, str) and name.partition(".")[0] in _DEBUGGERS for name in names):
            return True
    if sys.version_info >= (3, 12):
        tool = sys.monitoring.get_tool(sys.monitoring.DEBUGGER_ID)
        return tool is not None and not tool.startswith("coverage")
    return False


def _tell_once() -> None:
    global _told
    if not _told:
        _told = True
        logging.getLogger("endstop").warning(
            "Endstop sees a debugger or ENDSTOP_DEBUG=1: tools run in this process and have no deadlines."
        )
