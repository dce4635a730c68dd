"""Tools that misbehave; workers import them by name."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from typing import Any

_STUBBORN = (
    "import os, signal, sys, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "pid = os.fork()\n"
    "with open(sys.argv[1], 'a') as file: file.write(f'{os.getpid()}\\n')\n"
    "time.sleep(60)\n"
)


def start_stubborn_family(pids: str) -> None:
    """Four grandchildren that ignore SIGTERM: two in the worker's group, two in a session of their own."""
    for apart in (False, True):
        subprocess.Popen([sys.executable, "-S", "-c", _STUBBORN, pids], start_new_session=apart)
    while not os.path.exists(pids) or len(open(pids).read().split()) < 4:  # noqa: SIM115
        time.sleep(0.01)


def hang(how: str, pids: str) -> None:
    """Has grandchildren, ignores SIGTERM, and does not come back."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    start_stubborn_family(pids)
    if how == "waits":
        time.sleep(60)
    if how == "spins":
        while True:
            pass
    if how == "holds the interpreter lock":
        ctypes.PyDLL(None).sleep(60)


def exit_at_once(code: int) -> None:
    os._exit(code)


def signal_itself(name: str) -> None:
    os.kill(os.getpid(), signal.Signals[name])
    time.sleep(60)


def segfault() -> None:
    ctypes.string_at(0)


def close_everything() -> None:
    os.closerange(0, 4096)


def write_frames_to_stdout() -> str:
    """What a chatty library does: text and bytes where a protocol might be."""
    os.write(1, b"\x00\x00\x00\x10\x00\x00\x00\x00{}")
    print("not a frame")
    sys.stdout.flush()
    return "unharmed"


def add(a: int, b: int) -> int:
    return a + b


def note_then_sleep(path: str, seconds: float) -> None:
    with open(path, "ab", buffering=0) as file:
        file.write(b"x")
    time.sleep(seconds)


def note_slowly(path: str) -> None:
    """One line a body, long enough that an engine can die in the middle."""
    with open(path, "ab", buffering=0) as file:
        file.write(b"body\n")
    time.sleep(0.03)


def length(text: str) -> int:
    return len(text)


def make_text(characters: int) -> str:
    return "x" * characters


def connection() -> Any:
    return {"rows": [1], "socket": socket.socket()}


def note_then_perhaps_die(path: str, dies: bool) -> None:
    with open(path, "ab", buffering=0) as file:
        file.write(b"x")
    if dies:
        os._exit(1)


def text_of(size: int) -> str:
    return "x" * size


def note_then_give(path: str, value: Any) -> Any:
    """Writes an x, then gives the value, or raises it if it is an exception."""
    with open(path, "a") as notes:
        notes.write("x")
    if isinstance(value, Exception):
        raise value
    return value


def note_then_kill_engine(path: str, pid: int) -> None:
    """Writes an x, then kills the engine in the middle of the body."""
    with open(path, "a") as notes:
        notes.write("x")
    os.kill(pid, signal.SIGKILL)
    time.sleep(30)


def note_then_fail_until(path: str, count: int) -> int:
    """Writes an x, and raises while there are fewer than `count`."""
    with open(path, "a") as notes:
        notes.write("x")
    with open(path) as notes:
        written = len(notes.read())
    if written < count:
        raise OSError(f"body {written}")
    return written


def note_and_hang(path: str) -> None:
    """One line a body, which goes on for ever."""
    with open(path, "ab", buffering=0) as file:
        file.write(b"body\n")
    time.sleep(60)


def sleep_then_make(seconds: float, characters: int) -> str:
    time.sleep(seconds)
    return "x" * characters
