"""What hinders workers from starting mostly does not; else the call says what, the host goes on, the next one works."""

from __future__ import annotations

import importlib
import os
import resource
import sys
from pathlib import Path

import psutil
import pytest

from endstop import EngineError, Outcome, ToolExecutor
from endstop.client.engine import shared_engine
from tests.outside.programs import Programs
from tests.outside.test_engine_faults import engine_pid
from tests.support import worker_tools

SURROUNDED = """
import os, sys, tempfile
from tests.support import worker_tools
from endstop import ToolExecutor

def here(number):
    return number

for descriptor in (0, 2):
    os.close(descriptor)
sys.stderr = None
sys.path += ["/nowhere/" + "x" * 200 + str(number) for number in range(1000)] + [os.fsdecode(b"/nowhere/\\xff")]
os.environb[b"ENDSTOP_TEST_ODD"] = b"\\xff"
folder = tempfile.mkdtemp()
os.chdir(folder)
os.rmdir(folder)
executor = ToolExecutor(worker_stdout="stdout")
executor.register(here)
executor.register(worker_tools.shout, placement="worker")
executor.register(worker_tools.environment_of, placement="worker")
print(executor.execute_tool("here", {"number": 1}), flush=True)
print(executor.execute_tool("shout", {"text": "in a worker"}), flush=True)
print(executor.execute_tool("environment_of", {"names": ["NODE_OPTIONS", "ENDSTOP_TEST_ODD"]}), flush=True)
executor.close()
"""


def test_what_surrounds_a_host_does_not_keep_workers_from_starting(programs: Programs, tmp_path: Path) -> None:
    """A long TMPDIR, a long path that is not UTF-8, no folder to be in, closed streams, options for Node."""
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    options = {"NODE_OPTIONS": "--inspect=0 --require /nowhere.js", "NODE_CHANNEL_FD": "9", "TMPDIR": str(folder)}
    finished = programs.run(SURROUNDED, **options)
    assert finished.exit_code == 0
    assert finished.stdout.splitlines() == [
        "1",
        "in a worker",
        "straight to descriptor 1",
        "in a worker",
        "['--inspect=0 --require /nowhere.js', '\\udcff']",
    ]


@pytest.fixture
def tools(executor: ToolExecutor) -> ToolExecutor:
    executor.register(worker_tools.add, placement="worker", timeout="20s")
    executor.register(here)
    return executor


def here(number: int) -> int:
    return number


def is_refused(outcome: Outcome, reason: str) -> bool:
    assert outcome.failure is not None, outcome
    assert reason in outcome.failure.message
    return (outcome.failure.code, outcome.attempts) == ("tool-load-failed", 0)


@pytest.mark.parametrize(
    ("frozen", "executable", "reason"),
    [
        (True, sys.executable, "this program is frozen"),
        (False, "", "sys.executable is empty"),
        (False, "/bin/cat", "sys.executable is /bin/cat, which is no Python"),
        (False, "/nowhere/python3", "spawn /nowhere/python3 ENOENT"),
    ],
)
def test_a_program_that_is_no_python_is_never_started_as_a_worker(
    tools: ToolExecutor, monkeypatch: pytest.MonkeyPatch, frozen: bool, executable: str, reason: str
) -> None:
    with monkeypatch.context() as changed:
        changed.setattr(sys, "executable", executable)
        if frozen:
            changed.setattr(sys, "frozen", True, raising=False)
        for _ in range(2):
            assert is_refused(tools.try_execute_tool("add", {"a": 1}), reason)
            assert tools.execute_tool("here", {"number": 1}) == 1
        assert psutil.Process(engine_pid()).children() == []


def test_an_engine_without_descriptors_names_them_goes_on_and_recovers(tools: ToolExecutor) -> None:
    assert tools.execute_tool("here", {"number": 1}) == 1
    engine = engine_pid()
    soft, hard = resource.prlimit(engine, resource.RLIMIT_NOFILE)
    resource.prlimit(engine, resource.RLIMIT_NOFILE, (5, hard))
    assert is_refused(tools.try_execute_tool("add", {"a": 1}), "oo many open files")
    assert tools.execute_tool("here", {"number": 1}) == 1
    resource.prlimit(engine, resource.RLIMIT_NOFILE, (soft, hard))
    assert tools.execute_tool("add", {"a": 1}) == 1
    assert engine_pid() == engine


NO_FORKS = """
import os
from endstop.worker import template

_fork = template.fork_worker

def fork(birth):
    if os.path.exists(FLAG):
        raise BlockingIOError(11, "Resource temporarily unavailable")
    return _fork(birth)

template.fork_worker = fork

def one():
    return 1
"""


def test_a_user_at_the_limit_of_processes_is_told_so_and_goes_on_after_it(
    tools: ToolExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flag = tmp_path / "no forks"
    (tmp_path / "no_forks.py").write_text(f"FLAG = {str(flag)!r}\n{NO_FORKS}")
    monkeypatch.syspath_prepend(tmp_path)
    tools.register(importlib.import_module("no_forks").one, placement="worker", timeout="20s")
    assert tools.execute_tool("one") == 1
    flag.touch()
    [template] = psutil.Process(engine_pid()).children()
    for worker in template.children():
        worker.kill()
    outcomes = [tools.try_execute_tool("one") for _ in range(3)]
    assert is_refused(outcomes[-1], "fork failed: [Errno 11] Resource temporarily unavailable")
    assert tools.execute_tool("here", {"number": 1}) == 1
    flag.unlink()
    assert tools.execute_tool("one") == 1


def test_workers_start_again_when_somebody_has_removed_the_folder_that_they_dial(tools: ToolExecutor) -> None:
    assert tools.execute_tool("add", {"a": 1}) == 1
    connection = shared_engine().live_connection
    assert connection is not None
    assert connection.process.directory is not None
    [template] = psutil.Process(engine_pid()).children()
    directory = Path(connection.process.directory)
    (directory / "engine.sock").unlink()
    for worker in template.children():
        worker.kill()
    assert tools.execute_tool("add", {"a": 1}) == 1
    assert connection.process.directory != str(directory)


def test_pipes_that_do_not_block_are_waited_for(tools: ToolExecutor) -> None:
    """As gevent makes them."""
    assert tools.execute_tool("here", {"number": 1}) == 1
    connection = shared_engine().live_connection
    assert connection is not None
    for pipe in (connection.process.stdin, connection.process.stdout):
        os.set_blocking(pipe, False)
    tools.register(worker_tools.make_bytes, placement="worker")
    assert len(tools.execute_tool("make_bytes", {"size": 3_000_000})) == 3_000_000
    tools.register(worker_tools.len_of, placement="worker")
    assert tools.execute_tool("len_of", {"data": b"x" * 3_000_000}) == 3_000_000
    assert shared_engine().live_connection is connection


def test_a_refusal_concerns_the_executor_that_asked(tools: ToolExecutor) -> None:
    with ToolExecutor() as other:
        other.register(here)
        assert other.execute_tool("here", {"number": 1}) == 1
        session = other._session
        session._tell({"type": "register", "engine": session.name, "tool": "here", "policy": {"timeoutMs": -1}})
        assert tools.execute_tool("here", {"number": 1}) == 1
        with pytest.raises(EngineError, match="it refused `register`"):
            other.execute_tool("here", {"number": 1})
        assert tools.execute_tool("here", {"number": 1}) == 1
