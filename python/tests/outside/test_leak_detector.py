"""The leak detector sees one leak of each kind, names it, and is content when it is gone."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import cgroups
from tests.support.leaks import LeakDetector, LeakError, no_leaks

Undo = Callable[[], object]
_SLEEP = [sys.executable, "-c", "import time; time.sleep(60)  # leaked on purpose"]


def a_child() -> tuple[str, Undo]:
    child = subprocess.Popen(_SLEEP)
    return rf"process {child.pid} \(., parent {os.getpid()}\): .*leaked on purpose", lambda: end(child)


def an_unreaped_child() -> tuple[str, Undo]:
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    return rf"process {child.pid} \(Z, parent {os.getpid()}\): \[python", child.wait


def an_orphan_in_another_session() -> tuple[str, Undo]:
    script = f"import subprocess; print(subprocess.Popen({_SLEEP!r}, start_new_session=True, stdout=2).pid)"
    pid = int(subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, check=True).stdout)
    return rf"process {pid} \(., parent \d+\): .*leaked on purpose", lambda: os.kill(pid, 9)


def a_thread() -> tuple[str, Undo]:
    enough = threading.Event()
    thread = threading.Thread(target=enough.wait, name="leaked-on-purpose")
    thread.start()

    def undo() -> None:
        enough.set()
        thread.join()

    return r"thread leaked-on-purpose \(task \d+\)", undo


def a_descriptor() -> tuple[str, Undo]:
    descriptor = os.open(__file__, os.O_RDONLY)
    return rf"descriptor {descriptor}: {re.escape(__file__)}", lambda: os.close(descriptor)


def a_socket() -> tuple[str, Undo]:
    path = os.path.join(tempfile.gettempdir(), "leaked.sock")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    os.unlink(path)
    return rf"socket {re.escape(path)} \(inode \d+\)", listener.close


def a_temporary_file() -> tuple[str, Undo]:
    descriptor, path = tempfile.mkstemp(prefix="leaked-")
    os.close(descriptor)
    return rf"temporary file {re.escape(path)}", lambda: os.unlink(path)


def a_temporary_directory() -> tuple[str, Undo]:
    path = Path(tempfile.mkdtemp(prefix="leaked-", dir=os.environ["ENDSTOP_TMPDIR"]))
    return rf"temporary file {re.escape(str(path))}", path.rmdir


def a_cgroup() -> tuple[str, Undo]:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    folder = cgroups.own_folder()
    assert folder is not None
    group = folder / f"endstop-{ended.pid}-leaked"
    # Too deep for an engine of another test, which removes what it finds abandoned.
    (group / "1" / "2").mkdir(parents=True)
    return rf"cgroup {re.escape(str(group))}", lambda: os.removedirs(group / "1" / "2")


def end(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    child.wait()


@pytest.mark.parametrize(
    "plant",
    [
        a_child,
        an_unreaped_child,
        an_orphan_in_another_session,
        a_thread,
        a_descriptor,
        a_socket,
        a_temporary_file,
        a_temporary_directory,
        pytest.param(a_cgroup, marks=pytest.mark.skipif(not cgroups.can_be_made(), reason="no cgroup here")),
    ],
)
def test_a_leak_is_reported_by_name_and_forgiven_when_it_is_gone(plant: Callable[[], tuple[str, Undo]]) -> None:
    detector = LeakDetector()
    detector.set_environment()
    try:
        line, undo = plant()
        try:
            with pytest.raises(LeakError) as found:
                detector.check(patience_s=0.2)
        finally:
            undo()
        assert re.search(rf"^  {line}", str(found.value), re.MULTILINE), found.value
        detector.check()
    finally:
        detector.restore_environment()
        detector.remove()


def test_what_was_there_before_is_no_leak() -> None:
    child = subprocess.Popen(_SLEEP)
    try:
        with no_leaks():
            pass
    finally:
        end(child)


def test_what_ends_in_time_is_no_leak() -> None:
    with no_leaks(patience_s=20):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(0.2)"])
        threading.Thread(target=child.wait).start()


def test_the_environment_is_as_before() -> None:
    before = dict(os.environ), tempfile.gettempdir()
    with no_leaks():
        assert os.environ["TMPDIR"] != before[0].get("TMPDIR")
    assert (dict(os.environ), tempfile.gettempdir()) == before
