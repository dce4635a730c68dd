"""Ctrl-C while a crew works: its tool calls end first, so that no thread that waits for one keeps the prompt."""

from __future__ import annotations

import _thread
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from endstop.crewai.runs import Run

_LAST_EXPORT_S = 0.5


@contextmanager
def cancelled_by_ctrl_c(run: Run) -> Iterator[None]:
    """The scope of a kickoff in the main thread, where nobody but CrewAI handles SIGINT. KeyboardInterrupt is raised.

    CrewAI runs tools in threads of pools, and waits for them before it lets the interrupt through.
    """
    before = _handler_before()
    if before is None:
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        # Whatever lock the main thread holds here, another one can wait for it.
        _thread.start_new_thread(run.cancel, ())
        with _short_last_export():
            before(number, frame)

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is interrupt:
            signal.signal(signal.SIGINT, before)


@contextmanager
def _short_last_export() -> Iterator[None]:
    """CrewAI's handler gives its telemetry 10 s to reach its collector before the interrupt goes on."""
    telemetry = sys.modules.get("crewai_core.telemetry")
    seconds = getattr(telemetry, "FINAL_FLUSH_SECONDS", None)
    if telemetry is None or seconds is None:
        yield
        return
    vars(telemetry)["FINAL_FLUSH_SECONDS"] = min(seconds, _LAST_EXPORT_S)
    try:
        yield
    finally:
        vars(telemetry)["FINAL_FLUSH_SECONDS"] = seconds


def _handler_before() -> Callable[[int, FrameType | None], Any] | None:
    """What handles SIGINT now, if ours may go before it: Python's own, or CrewAI's (of its telemetry), around that."""
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        return None
    is_crewais = str(getattr(handler, "__module__", "")).startswith("crewai.")
    return handler if handler is signal.default_int_handler or is_crewais else None
