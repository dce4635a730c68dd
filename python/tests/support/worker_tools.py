"""Tools that the tests of template and worker run, imported by name in the template."""

from __future__ import annotations

import asyncio
import ctypes
import os
import random
import signal
import subprocess
import sys
import threading
import time
from typing import Any


def add(a: int, b: int = 0) -> int:
    return a + b


def session_and_parent() -> tuple[int, int, int, int]:
    return os.getpid(), os.getsid(0), os.getpgid(0), os.getppid()


def shout(text: str) -> str:
    print(text)
    print(text.upper(), file=sys.stderr)
    os.write(1, b"straight to descriptor 1\n")
    return text


def print_and_sleep(text: str, seconds: float) -> None:
    print(text)
    time.sleep(seconds)


def fail_with_causes() -> None:
    try:
        {}["missing"]
    except KeyError as problem:
        raise ValueError("the outer failure") from problem


async def wait_then_add(a: int, b: int) -> int:
    await asyncio.sleep(0)
    return a + b


async def fail_later() -> None:
    await asyncio.sleep(0)
    raise ValueError("in a coroutine")


def leave(code: int) -> None:
    sys.exit(code)


def interrupt() -> None:
    raise KeyboardInterrupt


def end_process(code: int) -> None:
    os._exit(code)


def crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)
    time.sleep(10)


def spin() -> None:
    while True:
        pass


def hold_the_interpreter_lock(seconds: int) -> None:
    # PyDLL keeps the lock during the call.
    ctypes.PyDLL(None).sleep(seconds)


def sleep(seconds: float) -> None:
    time.sleep(seconds)


def start_daemon(seconds: float = 60) -> int:
    """A grandchild in a session of its own, whose own parent ends at once."""
    script = (
        "import os, time\n"
        "pid = os.fork()\n"
        "if pid:\n"
        "    print(pid, flush=True)\n"
        "    os._exit(0)\n"
        "os.close(1)\n"  # or whoever reads it would wait for the daemon's end
        f"time.sleep({seconds})"
    )
    started = subprocess.run(
        [sys.executable, "-c", script], start_new_session=True, stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    return int(started.stdout)


def start_daemon_then_sleep(path: str) -> None:
    with open(path, "w") as file:
        file.write(str(start_daemon()))
    time.sleep(60)


def start_child() -> int:
    """A grandchild in the worker's own group, which outlives the call."""
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], stdout=subprocess.DEVNULL).pid


def make_bytes(size: int) -> bytes:
    return b"x" * size


def make_lock() -> Any:
    return {"rows": [1, {"connection": threading.Lock()}]}


class Unpicklable(Exception):
    def __init__(self) -> None:
        super().__init__("with a lock")
        self.lock = threading.Lock()


def fail_with_unpicklable() -> None:
    raise Unpicklable


def read_input() -> str:
    return input()


def draw() -> float:
    return random.random()


def close_all_descriptors() -> str:
    os.closerange(3, 4096)
    return "never seen"


def close_standard_descriptors() -> str:
    for descriptor in (0, 1, 2):
        os.close(descriptor)
    return "answered"


def come_back_from_a_fork() -> int:
    """The forked child returns from the body, too, as a tool that forgot to end it would."""
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
    return os.getpid()


class Counter:
    """A tool that keeps state."""

    def __init__(self) -> None:
        self.count = 0

    def run(self) -> int:
        self.count += 1
        return self.count


def local_error() -> None:
    class Local(Exception):
        pass

    raise Local("by value")


def len_of(data: bytes) -> int:
    return len(data)


def surroundings() -> dict[str, Any]:
    umask = os.umask(0)
    os.umask(umask)
    return {
        "directory": os.getcwd(),
        "colour": os.environ.get("COLOUR"),
        "home": "HOME" in os.environ,
        "umask": umask,
        "sigterm": signal.getsignal(signal.SIGTERM) is signal.SIG_DFL,
        "stdout": type(sys.stdout).__name__,
        "alarm_s": signal.getitimer(signal.ITIMER_REAL)[0],
        "pid": os.getpid(),
    }


def disturb() -> int:
    os.chdir("/")
    os.environ["COLOUR"] = "changed by a body"
    os.environ.pop("HOME", None)
    os.umask(0o777)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    signal.setitimer(signal.ITIMER_REAL, 3_600)
    return os.getpid()


def note(path: str) -> None:
    """One byte for each body that ran."""
    with open(path, "ab", buffering=0) as file:
        file.write(b"x")


def allocate(how: str, megabytes: int) -> int:
    """Touches that much memory in one of several ways, and keeps it for a moment."""
    size = megabytes * 1_000_000
    if how == "bytearray":
        kept: Any = bytearray(size)
    elif how == "numpy":
        import numpy

        kept = numpy.ones(size, dtype=numpy.uint8)
    elif how == "child process":
        script = f"kept = bytearray({size}); import time; time.sleep(20)"
        return subprocess.run([sys.executable, "-c", script], check=True).returncode
    elif how == "forked children":
        for _ in range(4):
            if os.fork() == 0:
                kept = bytearray(size // 4)
                time.sleep(20)
                os._exit(0)
        time.sleep(20)
        return 0
    elif how == "shared memory":
        import mmap

        kept = mmap.mmap(-1, size)
        for position in range(0, size, mmap.PAGESIZE):
            kept[position] = 1
    elif how == "swallowing MemoryError":
        kept = []
        while True:
            try:
                kept.append(bytearray(10_000_000))
            except MemoryError:
                time.sleep(0.001)
    else:
        raise ValueError(how)
    time.sleep(1)
    return len(kept)


def burn(how: str) -> None:
    """Uses the processor without end: here, in threads that let go of the lock, or in children, one after the other."""
    import hashlib

    if how == "threads":
        data = bytes(50_000_000)
        threads = [threading.Thread(target=hashlib.sha256, args=(data,)) for _ in range(200)]
        for thread in threads:
            thread.start()
    elif how == "children in turn":
        while True:
            subprocess.run([sys.executable, "-c", "for i in range(3_000_000): pass"], check=True)
    elif how == "children nobody waits for":
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        while True:
            child = os.fork()
            if child == 0:
                for _ in range(3_000_000):
                    pass
                os._exit(0)
            time.sleep(0.3)
    while True:
        pass


def multiply(count: int) -> int:
    for _ in range(count):
        if os.fork() == 0:
            time.sleep(20)
            os._exit(0)
    time.sleep(20)
    return count


_kept: list[bytearray] = []


def keep(megabytes: int) -> int:
    """Touches memory that outlives the call, and waits long enough to be looked at."""
    _kept.append(bytearray(megabytes * 1_000_000))
    time.sleep(0.2)
    return len(_kept[-1])


def allocate_unseen(stop: int, go: str, megabytes: int) -> None:
    """Waits until `go` is there, stops a process, the engine, and allocates a megabyte at a time."""
    while not os.path.exists(go):
        time.sleep(0.01)
    os.kill(stop, signal.SIGSTOP)
    kept = []
    for _ in range(megabytes):
        kept.append(bytearray(1_000_000))
    time.sleep(60)


def environment_of(names: list[str]) -> list[str | None]:
    return [os.environ.get(name) for name in names]
