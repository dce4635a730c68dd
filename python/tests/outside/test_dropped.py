"""What an executor held is freed when nobody can use it any more, closed or not."""

from __future__ import annotations

import gc
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from endstop import ToolExecutor
from endstop.client.engine import shared_engine
from tests.support.fake_engine import eventually
from tests.support.leaks import LeakDetector

EXECUTORS = 20


@pytest.fixture(autouse=True)
def engine_that_ends(leaks: LeakDetector) -> Iterator[None]:
    yield
    shared_engine().end("the test is over")


def engine() -> psutil.Process:
    connection = shared_engine().live_connection
    assert connection is not None
    return psutil.Process(connection.process.pid)


def descriptors() -> int:
    """Of files and sockets: others come with the thread that the engine starts a second after its start."""
    process = engine()
    return len(process.open_files()) + len(process.net_connections(kind="all"))


def files() -> list[Path]:
    directory = shared_engine().workplace.directory()
    assert directory is not None
    return sorted(Path(directory).iterdir())


def use(executor: ToolExecutor) -> None:
    executor.register(lambda: 1, name="one", timeout="10s")
    with executor.run():
        assert executor.execute_tool("one") == 1
    assert executor.execute_tool("one") == 1


def make_and_drop(how: str) -> None:
    executors = [ToolExecutor() for _ in range(EXECUTORS)]
    for executor in executors:
        use(executor)
        if how == "in a cycle":
            executor.itself = executor  # type: ignore[attr-defined]
        if how == "closed":
            executor.close()


@pytest.mark.parametrize("how", ["dropped", "in a cycle", "closed", "after its engine", "closed after its engine"])
def test_an_executor_that_is_dropped_leaves_no_descriptor_no_file_and_no_thread(how: str) -> None:
    with ToolExecutor() as kept:
        use(kept)
        before = (descriptors(), len(files()))
        threads = threading.active_count()
        if how == "closed after its engine":
            executors = [ToolExecutor() for _ in range(EXECUTORS)]
            for executor in executors:
                use(executor)
            engine().send_signal(signal.SIGKILL)
            assert kept.execute_tool("one") == 1
            for executor in executors:
                executor.close()
        else:
            make_and_drop(how)
            if how == "after its engine":
                os.kill(engine().pid, signal.SIGKILL)
                assert kept.execute_tool("one") == 1
        gc.collect()
        assert eventually(lambda: (descriptors(), len(files())) == before), (descriptors(), files(), before)
        assert eventually(lambda: threading.active_count() <= threads)
