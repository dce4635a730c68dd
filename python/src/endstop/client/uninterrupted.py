"""Work that no exception from outside may cut: a KeyboardInterrupt, or one that stops a body."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

from endstop.host.stopping import is_stoppable


def uninterrupted(work: Callable[[], Any]) -> None:
    """Does `work` where no exception from outside can cut it.

    A KeyboardInterrupt comes in the main thread, a BodyStopped in the thread of a body: those let another one do it.
    """
    # As the interpreter ends no other thread comes to run, and to wait for one is to wait for ever.
    if sys.is_finalizing() or (threading.current_thread() is not threading.main_thread() and not is_stoppable()):
        work()
        return
    problems: list[BaseException] = []

    def do() -> None:
        try:
            work()
        except BaseException as problem:  # raised again in the caller's thread
            problems.append(problem)

    thread = threading.Thread(target=do, name="endstop-writer", daemon=True)
    thread.start()
    thread.join()
    if problems:
        raise problems[0]
