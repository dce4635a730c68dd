"""Tools that do harm to their own process; workers import them by name."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import socket
import stat
import struct
import sys
import time
from typing import Any

_SECONDS = 30.0


def becomes_another_program() -> None:
    os.execv("/bin/sleep", ["sleep", str(_SECONDS)])


def ends_as_another_program() -> None:
    os.execv("/bin/true", ["true"])


def closes_all_and_sleeps() -> None:
    os.closerange(0, 4096)
    time.sleep(_SECONDS)


def closes_all_and_computes() -> None:
    os.closerange(0, 4096)
    while True:
        pass


def puts_a_pipe_in_their_place() -> None:
    reader, _ = os.pipe()
    for descriptor in _descriptors():
        os.dup2(reader, descriptor)
    time.sleep(_SECONDS)


def shuts_down_their_sockets() -> None:
    for descriptor in _descriptors():
        try:
            with socket.socket(fileno=os.dup(descriptor)) as found:
                found.shutdown(socket.SHUT_RDWR)
        except OSError:
            continue
    time.sleep(_SECONDS)


def writes_what_is_no_frame() -> None:
    for descriptor in _descriptors():
        try:
            if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                continue
            os.write(descriptor, struct.pack("!II", 2**32 - 1, 2**32 - 1))
        except OSError:
            continue
    time.sleep(_SECONDS)


def stops_itself() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def _descriptors() -> list[int]:
    return [int(name) for name in os.listdir("/proc/self/fd") if int(name) > 2]


def lowers_its_limits() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))


def blocks_signals() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


def becomes_nicer() -> None:
    os.nice(19)


def becomes_another_user() -> None:
    os.setgid(65534)
    os.setuid(65534)


def changes_its_root(folder: str) -> None:
    os.chroot(folder)
    os.chdir("/")


def forbids_itself_new_rights() -> None:
    ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)


def goes_where_nothing_is(folder: str) -> None:
    os.mkdir(folder)
    os.chdir(folder)
    os.rmdir(folder)


def replaces_its_standard_streams() -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)


def forgets_its_modules() -> None:
    sys.modules.clear()


def standing_now() -> tuple[Any, ...]:
    """What a body finds."""
    streams = [os.fstat(number).st_ino for number in (0, 1, 2)]
    return (
        resource.getrlimit(resource.RLIMIT_NOFILE),
        sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        os.getpriority(os.PRIO_PROCESS, 0),
        os.getuid(),
        os.stat("/").st_ino,
        ctypes.CDLL(None).prctl(39, 0, 0, 0, 0),
        os.getcwd(),
        streams,
    )


def signals_its_parent() -> int:
    parent = os.getppid()
    for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGPROF, signal.SIGINT):
        os.kill(parent, number)
    time.sleep(0.3)
    return parent


def writes_over_all_files(path: str) -> None:
    with open(path, "a") as bodies:
        bodies.write("x")
    for descriptor in _descriptors():
        try:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                os.write(descriptor, b"harmless ")
        except OSError:
            continue
    os._exit(1)
