"""Every test here uses Endstop as a user does, with the real engine and real workers, inside a leak detector."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from endstop import ToolExecutor
from endstop.client.engine import shared_engine
from tests.outside.programs import Programs
from tests.support.leaks import LeakDetector, no_leaks

if sys.platform != "linux":
    collect_ignore_glob = ["test_*.py"]  # the leak detector reads Linux's /proc

# A suite that a shell runs in the background ignores SIGINT, and so would every program that it interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def fresh_engine() -> None:
    """No engine of an earlier test: it would have read that one's environment, and have its sessions."""
    shared_engine().end("a test begins")


@pytest.fixture(autouse=True)
def leaks(fresh_engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LeakDetector]:
    tmp_path_factory.getbasetemp()  # made before the detector looks: it outlives the test
    with no_leaks() as detector:
        yield detector


@pytest.fixture
def programs(leaks: LeakDetector, tmp_path: Path) -> Iterator[Programs]:
    """Runs Python programs in processes of their own."""
    programs = Programs(tmp_path)
    yield programs
    programs.end()


@pytest.fixture
def executor(leaks: LeakDetector) -> Iterator[ToolExecutor]:
    """An executor of this process, and the real engine behind it, which is gone when the detector looks."""
    with ToolExecutor() as executor:
        yield executor
    shared_engine().end("the test is over")
