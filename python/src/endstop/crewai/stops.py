"""Tells whoever runs a crew what was stopped: one line of the logger `endstop` for each stop, once.

The model reads its own text, and code that calls a tool gets an exception; without this line nobody else would know.
Where logging is not set up, Python writes it to standard error.
"""

from __future__ import annotations

import logging
import threading

from endstop._options import OPTIONS
from endstop.crewai import runs
from endstop.outcome import Failure, Outcome

_log = logging.getLogger("endstop")
_STATUSES = ("rejected", "timed-out", "killed")
_NO_LIMIT = ("invalid-input", "unknown-tool")
"""The model's own mistakes."""
_OF_THE_RUN = ("budget-exceeded", "run-ended")
_MAX_TOLD = 10_000


class Stops:
    """Of one installation. A stop is told once for an agent at a task, tool and code; one of a run once for that."""

    def __init__(self) -> None:
        self._told: set[tuple[object, ...]] = set()
        self._lock = threading.Lock()

    def tell(self, outcome: Outcome) -> None:
        """Of an agent's call that was stopped, in the context of the agent."""
        failure = outcome.failure
        if failure is None or outcome.status not in _STATUSES or failure.code in _NO_LIMIT:
            return
        run, agent = runs.names()
        stop = (run, failure.code) if failure.code in _OF_THE_RUN else (run, agent, failure.tool, failure.code)
        with self._lock:
            if stop in self._told:
                return
            if len(self._told) >= _MAX_TOLD:
                self._told.clear()
            self._told.add(stop)
        _log.warning("%s%s", failure.message, _how_to_change(failure))


def _how_to_change(failure: Failure) -> str:
    option = None if failure.option is None else OPTIONS[failure.option]
    if option is None:
        return ""
    name = option.name
    value = "True" if option.kind == "flag" else "..."
    setting = f'{{"{name}": {value}}}'
    place = f'tools={{"{failure.tool}": {setting}}}' if "tool" in option.levels else f"{name}={value}"
    if option.kind == "flag":
        return f" If that does no harm, say so: install({place})."
    text = f" The limit is {name}: to change it, install({place})"
    text += ", None for no limit." if option.nullable else "."
    if name in ("same_call_reject", "cycle_reject"):
        text = f'{text[:-1]}; for a tool that is meant to be asked again, {{"poller": True}}.'
    return text
