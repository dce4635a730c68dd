"""The one body that every Python placement of the conformance suite runs."""

from __future__ import annotations

import contextvars
import ctypes
import os
import subprocess
import sys
import threading
import time
from typing import Any

tenant: contextvars.ContextVar[str] = contextvars.ContextVar("tenant", default="nobody")

_LEAVER = "trap '' TERM; while :; do sleep 0.05; done"


class _Full(Exception):
    """The error of a body, with a chain of causes."""


def _note(log: str, line: str) -> None:
    if log:
        with open(log, "a") as file:
            file.write(f"{line}\n")


def _fail() -> None:
    try:
        try:
            raise KeyError("sector 7")
        except KeyError as error:
            raise OSError("no space") from error
    except OSError as error:
        raise _Full("the disk is full") from error


def probe(do: str, log: str = "", value: Any = None) -> Any:
    """Does what `do` says."""
    _note(log, f"started {os.getpid()}")
    if do == "throw":
        _fail()
    elif do == "wait":
        try:
            while True:
                time.sleep(0.01)
        except BaseException:
            _note(log, "asked to stop")
            raise
    elif do == "spin":
        while True:
            pass
    elif do == "exit":
        os._exit(7)
    elif do == "die":
        ctypes.string_at(0)
    elif do == "leave":
        for apart in (True, False):
            child = subprocess.Popen(["sh", "-c", _LEAVER], start_new_session=apart)
            _note(log, f"child {child.pid}")
        while True:
            time.sleep(1)
    elif do == "print":
        print("printed to stdout", flush=True)
        print("printed to stderr", file=sys.stderr, flush=True)
        return "printed"
    elif do == "lock":
        return threading.Lock()
    elif do == "tenant":
        return tenant.get()
    return value
