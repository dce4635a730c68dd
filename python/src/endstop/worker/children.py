"""The children of this process: to find them, to kill them, to see how one ended."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

_SHORTEST_WAIT_S = 0.0002
_LONGEST_WAIT_S = 0.02


class Exit(NamedTuple):
    """How a process ended: by a signal (its name) or with an exit code, the other is None."""

    signal: str | None
    code: int | None


def children() -> list[int]:
    """The process ids of this process's children, zombies too.

    The kernel's list can miss one only while another is being reaped, and only this thread reaps.
    """
    try:
        tasks = os.listdir("/proc/self/task")
        return [int(pid) for task in tasks for pid in _read(f"/proc/self/task/{task}/children").split()]
    except FileNotFoundError:  # not Linux, or a kernel without CONFIG_PROC_CHILDREN
        import psutil

        return [process.pid for process in psutil.Process().children()]


def has_children() -> bool:
    """Whether this process has any child, a zombie too. One system call."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def peek_exit(pid: int) -> Exit | None:
    """How a child ended, or None if it runs. It stays a zombie, so that nobody else can get its number."""
    state = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if state is None:
        return None
    if state.si_code == os.CLD_EXITED:
        return Exit(None, state.si_status)
    return Exit(_signal_name(state.si_status), None)


def kill_tree(leader: int) -> None:
    """Kills a child that is not reaped yet, and its process group if it leads one."""
    # No such group: the child does not lead one yet. No permission: it runs with another user's rights.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
    with suppress(ProcessLookupError, PermissionError):
        os.kill(leader, signal.SIGKILL)


def end_children(chosen: Callable[[int], bool], patience_s: float) -> bool:
    """Kills and reaps the chosen children, and those that become children as their parents end, until none is left.

    False if one was left when `patience_s` had passed: it cannot be killed, or hangs in the kernel.
    """
    give_up_at = time.monotonic() + patience_s
    wait_s = _SHORTEST_WAIT_S
    while found := [pid for pid in children() if chosen(pid)]:
        for pid in found:
            with suppress(PermissionError):  # it took another user's rights; then it is one that is left
                os.kill(pid, signal.SIGKILL)
        if sum(_reaped(pid) for pid in found) > 0:
            wait_s = _SHORTEST_WAIT_S
            continue
        if time.monotonic() > give_up_at:
            return False
        time.sleep(wait_s)
        wait_s = min(wait_s * 2, _LONGEST_WAIT_S)
    return True


def _reaped(pid: int) -> bool:
    return os.waitpid(pid, os.WNOHANG)[0] == pid


def _read(path: str) -> str:
    with open(path) as file:
        return file.read()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal has no name in Python
        return f"signal {number}"
