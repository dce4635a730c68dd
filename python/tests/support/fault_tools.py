"""Tools that end, or stop, their worker at one state of a call; workers import them by name."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any


def end_now(name: str) -> None:
    os.kill(os.getpid(), signal.Signals[name])
    time.sleep(60)


def end_soon(name: str) -> int:
    """After the answer, while the worker is idle."""

    def end() -> None:
        time.sleep(0.05)
        os.kill(os.getpid(), signal.Signals[name])

    threading.Thread(target=end, daemon=True).start()
    return os.getpid()


class _EndsAsItIsPickled:
    def __init__(self, name: str) -> None:
        self.name = name

    def __reduce__(self) -> Any:
        end_now(self.name)


def result_that_ends(name: str) -> object:
    return _EndsAsItIsPickled(name)


class EndsAsItIsLoaded:
    """A tool whose worker ends as the tool is rebuilt there, before any body."""

    __name__ = "loading"

    def __init__(self, name: str) -> None:
        self.signal_name = name

    def __call__(self) -> str:
        return "ran"

    def __reduce__(self) -> Any:
        return end_now, (self.signal_name,)


def pid() -> int:
    return os.getpid()


def ignore_sigterm_and_spin() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        pass
