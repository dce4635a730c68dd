"""Ctrl-C while a crew works: its tool calls end first, so that no thread that waits for one keeps the prompt."""

from __future__ import annotations

import _thread
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from endstop.crewai.runs import Run


@contextmanager
def cancelled_by_ctrl_c(run: Run) -> Iterator[None]:
    """The scope of a kickoff in the main thread, where nobody else handles SIGINT: it still raises KeyboardInterrupt.

    CrewAI runs tools in threads of pools, and waits for them before it lets the interrupt through.
    """
    if not _is_ours_to_handle():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        # Whatever lock the main thread holds here, another one can wait for it.
        _thread.start_new_thread(run.cancel, ())
        signal.default_int_handler(number, frame)

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is interrupt:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def _is_ours_to_handle() -> bool:
    is_main = threading.current_thread() is threading.main_thread()
    return is_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler
