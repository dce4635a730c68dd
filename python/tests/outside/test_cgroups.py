"""Where this machine lets us make control groups, the kernel holds what a call's processes use while nobody looks."""

from __future__ import annotations

import os
import re
import signal
import threading
from pathlib import Path

import psutil
import pytest

from endstop import Outcome, ToolExecutor
from tests.outside.programs import Programs
from tests.outside.test_engine_faults import engine_pid, nothing_runs
from tests.support import cgroups, worker_tools
from tests.support.fake_engine import eventually
from tests.support.leaks import LeakDetector

pytestmark = pytest.mark.skipif(not cgroups.can_be_made(), reason="no cgroup can be made here")

MEGABYTE = 1_000_000


def workers() -> list[int]:
    [template] = psutil.Process(engine_pid()).children()
    return [worker.pid for worker in template.children()]


def bounded_workers() -> list[int]:
    return [pid for pid in workers() if cgroups.limit_bytes(pid) is not None]


def test_the_kernel_ends_a_call_over_its_memory_while_the_engine_stands_still(
    executor: ToolExecutor, tmp_path: Path
) -> None:
    executor.register(worker_tools.allocate_unseen, placement="worker", memory="256MB", timeout="60s")
    executor.register(worker_tools.sleep, placement="worker", timeout="60s")
    ended: list[Outcome] = []
    go, engine = tmp_path / "go", engine_pid_after_a_call(executor)
    arguments = {"stop": engine, "go": str(go), "megabytes": 5_000}
    call = threading.Thread(target=lambda: ended.append(executor.try_execute_tool("allocate_unseen", arguments)))
    call.start()
    assert eventually(lambda: len(bounded_workers()) == 1)
    [worker] = bounded_workers()
    try:
        go.touch()
        assert eventually(lambda: psutil.Process(engine).status() == psutil.STATUS_STOPPED)
        assert eventually(lambda: psutil.Process(worker).status() == psutil.STATUS_ZOMBIE), (
            "nobody has looked, and it is dead"
        )
        assert not ended
    finally:
        os.kill(engine, signal.SIGCONT)
    call.join(30)
    [outcome] = ended
    assert outcome.failure is not None
    assert (outcome.failure.code, outcome.attempts) == ("memory-quota", 1)
    assert "limit 256 MB" in outcome.failure.message
    assert executor.execute_tool("sleep", {"seconds": 0}) is None
    assert engine_pid() == engine


def engine_pid_after_a_call(executor: ToolExecutor) -> int:
    executor.execute_tool("sleep", {"seconds": 0})
    return engine_pid()


def test_a_worker_that_was_bounded_for_one_call_is_free_in_the_next(executor: ToolExecutor) -> None:
    executor.register(worker_tools.sleep, placement="worker", memory="50MB", timeout="30s")
    executor.register(worker_tools.allocate, placement="worker", timeout="30s")
    executor.execute_tool("sleep", {"seconds": 0.5})
    assert executor.execute_tool("allocate", {"how": "bytearray", "megabytes": 600}) == 600 * MEGABYTE
    executor.execute_tool("sleep", {"seconds": 0.5})


@pytest.mark.parametrize("killed", ["host", "engine and host"])
def test_no_group_outlives_its_engine(programs: Programs, leaks: LeakDetector, killed: str) -> None:
    host = programs.start(
        """
        import threading, time
        from endstop import ToolExecutor
        from endstop.client.engine import shared_engine
        from tests.support.worker_tools import sleep

        executor = ToolExecutor()
        executor.register(sleep, placement="worker", memory="256MB", timeout="60s")
        threading.Thread(target=lambda: executor.execute_tool("sleep", {"seconds": 50}), daemon=True).start()
        time.sleep(1)
        print("ready", shared_engine().live_connection.process.pid, flush=True)
        time.sleep(60)
        """
    )
    engine = psutil.Process(int(host.wait_for("ready").split()[1]))
    [template] = engine.children()
    assert eventually(lambda: any(cgroups.limit_bytes(worker.pid) for worker in template.children()))
    if killed == "engine and host":
        engine.kill()
    os.kill(host.pid, signal.SIGKILL)
    host.finish()
    nothing_runs(leaks)
    assert eventually(lambda: not cgroups.abandoned())


def test_they_can_be_switched_off(programs: Programs) -> None:
    host = programs.start(
        """
        import psutil, threading, time
        from endstop import ToolExecutor
        from tests.support import cgroups
        from tests.support.worker_tools import sleep

        executor = ToolExecutor()
        executor.register(sleep, placement="worker", memory="256MB", timeout="60s")
        call = threading.Thread(target=lambda: executor.execute_tool("sleep", {"seconds": 1}))
        call.start()
        seen = set()
        while call.is_alive():
            seen |= {cgroups.limit_bytes(process.pid) for process in psutil.Process().children(recursive=True)}
            time.sleep(0.05)
        print("seen", seen, flush=True)
        """,
        ENDSTOP_CGROUP="off",
    )
    assert host.wait_for("seen").strip() == "seen {None}"
    host.finish()


def test_who_names_a_folder_that_is_of_no_use_is_told_and_calls_go_on(programs: Programs) -> None:
    ran = programs.run(
        """
        from endstop import ToolExecutor
        from tests.support.worker_tools import sleep

        executor = ToolExecutor()
        executor.register(sleep, placement="worker", memory="256MB", timeout="60s")
        for _ in range(2):
            executor.execute_tool("sleep", {"seconds": 0.5})
        """,
        ENDSTOP_CGROUP="/nowhere/at/all",
    )
    [line] = ran.stderr.splitlines()
    assert line.startswith("endstop: ENDSTOP_CGROUP=/nowhere/at/all is of no use: ENOENT")


def test_the_doctor_tells_where_they_are(programs: Programs) -> None:
    def said(**environment: str) -> str:
        source = "from endstop.commands.doctor import main; main([])"
        found = re.search(r"cgroups that hold memory quotas: (.+)", programs.run(source, **environment).stdout)
        assert found
        return found[1]

    assert re.fullmatch(r"version [12], in /\S+", said())
    assert said(ENDSTOP_CGROUP="off") == "off (ENDSTOP_CGROUP)"
    assert said(ENDSTOP_CGROUP="/nowhere").startswith("none of ours (ENOENT")
