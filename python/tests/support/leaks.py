"""Finds what a test leaves behind: processes, threads, descriptors, Unix sockets, temporary files, cgroups. Linux only.

A process is the test's if it descends from this one, or carries the cookie that the test's children inherit in their
environment: so also what called setsid, changed its parent or lost it is found, anywhere on the machine.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from tests.support import cgroups

COOKIE = "ENDSTOP_TEST_COOKIE"
# "Nothing of ours runs two seconds later."
PATIENCE_S = 2.0
_SET_BY_US = (COOKIE, "TMPDIR", "ENDSTOP_TMPDIR")


class LeakError(AssertionError):
    """Names what was left: one line for each thing."""


class LeakDetector:
    """What there was before, and a fresh directory for temporary files. `with no_leaks():` makes and checks one."""

    def __init__(self) -> None:
        # The path of a Unix socket is short, and a test's own folder is not.
        self.directory = tempfile.mkdtemp(prefix="leaks-")
        self.cookie = uuid.uuid4().hex
        self._saved: dict[str, str | None] = {}
        self._looks: tuple[Callable[[], dict[object, str]], ...] = (
            self._processes,
            _threads,
            _descriptors,
            self._sockets,
            self._files,
            self._cgroups,
        )
        self._before = [set(look()) for look in self._looks]

    def set_environment(self) -> None:
        values = (self.cookie, self.directory, self.directory)
        for name, value in zip(_SET_BY_US, values, strict=True):
            self._saved[name] = os.environ.get(name)
            os.environ[name] = value
        self._saved_tempdir = tempfile.tempdir
        tempfile.tempdir = None

    def restore_environment(self) -> None:
        for name, value in self._saved.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        tempfile.tempdir = self._saved_tempdir

    def left(self) -> list[str]:
        """One line for each thing that was not there before."""
        lines = []
        for look, before in zip(self._looks, self._before, strict=True):
            lines += [line for key, line in look().items() if key not in before]
        return lines

    def check(self, patience_s: float = PATIENCE_S) -> None:
        """Waits for things to go. Raises LeakError with what is left then."""
        give_up_at = time.monotonic() + patience_s
        while lines := self.left():
            if time.monotonic() > give_up_at:
                raise LeakError(f"left {patience_s:g} s after the end:\n" + "\n".join(f"  {line}" for line in lines))
            time.sleep(0.02)

    def processes(self) -> list[str]:
        """The lines of the processes of this test that live now."""
        return list(self._processes().values())

    def remove(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)

    def _processes(self) -> dict[object, str]:
        parents = {pid: stat for pid in _pids() if (stat := _stat(pid)) is not None}
        mark = f"{COOKIE}={self.cookie}".encode()
        return {
            (pid, started): f"process {pid} ({state}, parent {parent}): {_command(pid, name)}"
            for pid, (name, state, parent, started) in parents.items()
            if pid != os.getpid() and (_descends(pid, parents) or mark in _read(f"/proc/{pid}/environ").split(b"\0"))
        }

    def _sockets(self) -> dict[object, str]:
        """Unix sockets that are bound to a path in the directory, whoever holds them, even if the file is gone."""
        lines = _read("/proc/net/unix").decode(errors="replace").splitlines()[1:]
        found: dict[object, str] = {}
        for fields in (line.split(maxsplit=7) for line in lines):
            if len(fields) == 8 and fields[7].startswith(self.directory + os.sep):
                # An accepted connection carries the path of its listener.
                found[fields[6]] = f"socket {fields[7]} (inode {fields[6]})"
        return found

    def _files(self) -> dict[object, str]:
        return {
            os.path.join(folder, name): f"temporary file {os.path.join(folder, name)}"
            for folder, folders, files in os.walk(self.directory)
            for name in (*folders, *files)
        }

    def _cgroups(self) -> dict[object, str]:
        """Of engines that are gone."""
        return {folder: f"cgroup {folder}" for folder in cgroups.abandoned()}


@contextmanager
def no_leaks(patience_s: float = PATIENCE_S) -> Iterator[LeakDetector]:
    """Raises LeakError if what runs inside leaves anything behind; not if it raises itself."""
    detector = LeakDetector()
    detector.set_environment()
    try:
        yield detector
        detector.check(patience_s)
    finally:
        detector.restore_environment()
        detector.remove()


def _threads() -> dict[object, str]:
    names = {thread.native_id: thread.name for thread in threading.enumerate()}
    return {
        task: f"thread {names.get(int(task), 'not started by Python')} (task {task})"
        for task in os.listdir("/proc/self/task")
    }


def _descriptors() -> dict[object, str]:
    found: dict[object, str] = {}
    for number in os.listdir("/proc/self/fd"):
        # The listing's own descriptor is closed by now.
        with suppress(FileNotFoundError):
            target = os.readlink(f"/proc/self/fd/{number}")
            found[number, target] = f"descriptor {number}: {target}"
    return found


def _descends(pid: int, parents: dict[int, tuple[str, str, int, str]]) -> bool:
    while pid in parents:
        pid = parents[pid][2]
        if pid == os.getpid():
            return True
    return False


def _pids() -> list[int]:
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def _stat(pid: int) -> tuple[str, str, int, str] | None:
    """Name, state, parent and start time; None if it is gone."""
    head, _, tail = _read(f"/proc/{pid}/stat").decode(errors="replace").rpartition(")")
    fields = tail.split()
    return (head.partition("(")[2], fields[0], int(fields[1]), fields[19]) if fields else None


def _command(pid: int, name: str) -> str:
    words = _read(f"/proc/{pid}/cmdline").replace(b"\0", b" ").decode(errors="replace").strip()
    return words[:160] or f"[{name}]"


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except (OSError, ProcessLookupError):  # it ended meanwhile
        return b""
