"""The engine may die, and its host may die in any way: calls have their outcomes, and nothing of ours stays."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from endstop import Outcome, ToolExecutor
from endstop.client.engine import shared_engine
from endstop.client.process import engine_command
from endstop.frames import FrameDecoder, encode
from tests.outside import tools
from tests.outside.programs import Program, Programs
from tests.support.fake_engine import eventually, state_of
from tests.support.leaks import PATIENCE_S, LeakDetector


def engine_pid() -> int:
    connection = shared_engine().live_connection
    assert connection is not None
    return connection.process.pid


# -- the engine is killed


def test_an_engine_killed_in_the_middle_of_50_calls_leaves_none_without_an_outcome(
    executor: ToolExecutor, tmp_path: Path
) -> None:
    release, begun = threading.Event(), threading.Semaphore(0)
    marks = tmp_path / "marks"

    def on_the_host(number: int) -> int:
        begun.release()
        release.wait(60)
        return number

    async def in_the_loop(number: int) -> int:
        begun.release()
        await asyncio.to_thread(release.wait, 60)
        return number

    executor.register(on_the_host)
    executor.register(in_the_loop)
    executor.register(tools.note_then_sleep, placement="worker")
    in_worker = {"path": str(marks), "seconds": 60}

    def tasks() -> list[Outcome]:
        async def loop() -> list[Outcome]:
            host = [executor.atry_execute_tool("in_the_loop", {"number": number}) for number in range(10)]
            workers = [executor.atry_execute_tool("note_then_sleep", in_worker) for _ in range(10)]
            return await asyncio.gather(*host, *workers)

        return asyncio.run(loop())

    with ThreadPoolExecutor(31) as threads:
        loop = threads.submit(tasks)
        host = [threads.submit(executor.try_execute_tool, "on_the_host", {"number": n}) for n in range(15)]
        workers = [threads.submit(executor.try_execute_tool, "note_then_sleep", in_worker) for _ in range(15)]
        for _ in range(25):
            assert begun.acquire(timeout=20)
        assert eventually(lambda: marks.exists() and marks.stat().st_size > 0)
        os.kill(engine_pid(), signal.SIGKILL)
        lost = [future.result(30) for future in workers]
        release.set()
        outcomes = loop.result(30)
        host_outcomes = [future.result(30) for future in host]
    assert [outcome.value for outcome in host_outcomes] == list(range(15))
    assert [outcome.value for outcome in outcomes[:10]] == list(range(10))
    for outcome in (*lost, *outcomes[10:]):
        assert (outcome.status, outcome.failure and outcome.failure.code) == ("lost", "lost")
        assert outcome.failure is not None
        assert "signal 9" in outcome.failure.message
    assert marks.stat().st_size <= 25

    executor.register(tools.add, placement="worker")
    assert executor.execute_tool("add", {"a": 1, "b": 2}) == 3
    assert executor.execute_tool("on_the_host", {"number": 7}) == 7


def test_an_engine_killed_between_calls_is_started_again_with_tools_runs_and_limits(executor: ToolExecutor) -> None:
    executor.register(tools.add, max_calls=2)
    with executor.run():
        assert executor.execute_tool("add", {"a": 1, "b": 2}) == 3
        first = engine_pid()
        os.kill(first, signal.SIGKILL)
        outcomes = [executor.try_execute_tool("add", {"a": 1, "b": number}) for number in range(3)]
    assert engine_pid() != first
    assert outcomes[0].value == 1
    assert outcomes[2].failure is not None
    assert outcomes[2].failure.code == "usage-limit"


def test_an_engine_killed_together_with_its_template_leaves_no_file_behind(executor: ToolExecutor) -> None:
    executor.register(tools.add, placement="worker")
    executor.register(tools.add, name="here")
    assert executor.execute_tool("add", {"a": 1, "b": 2}) == 3
    engine = engine_pid()
    [template] = map(int, Path(f"/proc/{engine}/task/{engine}/children").read_text().split())
    os.kill(engine, signal.SIGSTOP)  # it sees nothing of what follows
    os.kill(template, signal.SIGKILL)
    os.kill(engine, signal.SIGKILL)
    # A worker call that reaches the dead engine's pipe is lost; one of the host finds out, and is sent again.
    assert executor.execute_tool("here", {"a": 1, "b": 3}) == 4
    assert engine_pid() != engine
    assert executor.execute_tool("add", {"a": 1, "b": 4}) == 5


def test_an_engine_killed_while_its_template_stands_still_leaves_nothing_behind(
    executor: ToolExecutor,
) -> None:
    executor.register(tools.add, placement="worker")
    executor.register(tools.add, name="here")
    assert executor.execute_tool("add", {"a": 1, "b": 2}) == 3
    engine = engine_pid()
    [template] = map(int, Path(f"/proc/{engine}/task/{engine}/children").read_text().split())
    os.kill(template, signal.SIGSTOP)
    os.kill(engine, signal.SIGKILL)
    assert executor.execute_tool("here", {"a": 1, "b": 3}) == 4
    assert eventually(lambda: state_of(template) is None)


# -- the engine is spoken to badly


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "header"),
        (encode({"type": "hello"})[:-3], "inside a frame"),
        (b"\x00\x00\x00\x05\x00\x00\x00\x00{]not", "JSON"),
        (b"\x00\x00\x00\x02\x00\x00\x00\x00{}", "type"),
        (b"\x00\x00\x00\x02\xff\xff\xff\xff{}", "body"),
    ],
)
def test_an_engine_that_hears_no_frame_says_so_and_ends(said: bytes, complaint: str) -> None:
    spoken_to = subprocess.run(engine_command(), input=said, capture_output=True, timeout=30, check=False)
    assert spoken_to.returncode == 70
    assert spoken_to.stdout == b""
    [line] = spoken_to.stderr.decode().splitlines()
    assert line.startswith("endstop: the engine ends: ")
    assert complaint in line


def test_an_engine_refuses_another_protocol_by_name_and_ends() -> None:
    hello = encode({"type": "hello", "protocol": 999, "version": "9.9", "pid": 1, "python": {}, "stdout": None})
    spoken_to = subprocess.run(engine_command(), input=hello, capture_output=True, timeout=30, check=False)
    [frame] = FrameDecoder().feed(spoken_to.stdout)
    assert (frame.header["type"], frame.header["about"]) == ("refused", "hello")
    assert "protocol 999, version 9.9" in frame.header["message"]


# -- the host ends

_BUSY_HOST = """
    import ctypes, os, pathlib, sys, threading, time
    from endstop import ToolExecutor
    from tests.outside import tools

    executor = ToolExecutor()
    executor.register(tools.hang, placement="worker")
    executor.register(tools.add)
    for how in ("waits", "spins"):
        args = {"how": how, "pids": f"pids-{how}"}
        threading.Thread(target=executor.try_execute_tool, args=("hang", args), daemon=True).start()
    executor.execute_tool("add", {"a": 1, "b": 1})
    def family(how): return open(f"pids-{how}").read().split() if os.path.exists(f"pids-{how}") else []
    while len(family("waits")) < 4 or len(family("spins")) < 4: time.sleep(0.01)
"""


def busy_host(programs: Programs, then: str) -> Program:
    """A host in the middle of two worker calls with grandchildren, which then does what it is told."""
    host = programs.start(_BUSY_HOST + then)
    host.wait_for("ready")
    return host


def processes_of(host: Program) -> list[int]:
    names = ("pids-waits", "pids-spins")
    return [int(pid) for name in names for pid in (host.folder / name).read_text().split()]


def nothing_runs(leaks: LeakDetector, but: tuple[int, ...] = ()) -> None:
    """Nothing of ours runs two seconds later, and no file of ours is left."""
    give_up_at = time.monotonic() + PATIENCE_S

    def left() -> list[str]:
        processes = [line for line in leaks.processes() if int(line.split()[1]) not in but]
        return processes + [line for line in leaks.left() if line.startswith(("temporary file", "socket", "cgroup"))]

    while found := left():
        assert time.monotonic() < give_up_at, "\n".join(found)
        time.sleep(0.02)


def test_nothing_runs_after_the_host_was_killed(programs: Programs, leaks: LeakDetector) -> None:
    host = busy_host(programs, "    print('ready', flush=True); time.sleep(60)")
    assert len(leaks.processes()) >= 12, "host, engine, template, workers and their grandchildren"
    os.kill(host.pid, signal.SIGKILL)
    host.finish()
    nothing_runs(leaks)


@pytest.mark.parametrize("fork", ["os.fork()", "ctypes.CDLL(None).fork()"])
def test_nothing_runs_after_the_host_was_killed_although_its_forked_child_lives(
    programs: Programs, leaks: LeakDetector, fork: str
) -> None:
    """The second fork runs no Python handler: its child keeps the engine's pipes open."""
    host = busy_host(
        programs,
        f"""
    import warnings; warnings.simplefilter("ignore")
    child = {fork}
    if child == 0:
        while True: time.sleep(1)
    print("ready", child, flush=True)
    time.sleep(60)
""",
    )
    child = int(host.stdout.split()[1])
    os.kill(host.pid, signal.SIGKILL)
    host.finish()
    nothing_runs(leaks, but=(child,))
    assert state_of(child) == "S"
    os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize(
    ("end", "exit_code"),
    [
        ("sys.exit(3)", 3),
        ("os._exit(4)", 4),
        ("os.kill(os.getpid(), 15); time.sleep(60)", -15),
        ("raise RuntimeError('the user s own')", 1),
    ],
)
def test_nothing_runs_however_the_host_ended(programs: Programs, leaks: LeakDetector, end: str, exit_code: int) -> None:
    host = busy_host(programs, f"    print('ready', flush=True)\n    {end}")
    assert host.finish().exit_code == exit_code
    nothing_runs(leaks)
    assert processes_of(host)


def test_nothing_runs_after_the_host_became_another_program(programs: Programs, leaks: LeakDetector) -> None:
    sleep = "[sys.executable, '-S', '-c', 'import time; time.sleep(60)']"
    host = busy_host(programs, f"    print('ready', flush=True); os.execv(sys.executable, {sleep})")
    # The other program does not know that the engine is its child: what is left of it is a zombie.
    nothing_runs(leaks, but=(host.pid, *zombies_of(host.pid)))


def zombies_of(parent: int) -> list[int]:
    def children() -> list[int]:
        return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]

    assert eventually(lambda: all(state_of(pid) == "Z" for pid in children()))
    return children()


def test_an_engine_and_its_workers_end_with_the_last_call_s_host(programs: Programs, leaks: LeakDetector) -> None:
    programs.run(
        """
        from endstop import ToolExecutor
        from tests.outside import tools
        executor = ToolExecutor()
        executor.register(tools.add, placement="worker")
        assert executor.execute_tool("add", {"a": 1, "b": 2}) == 3
        """
    )
    nothing_runs(leaks)
