"""The template: what it imports, what it forks, how it learns of deaths, and that nothing outlives it."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .support.fake_engine import FakeEngine, FakeWorker, eventually, state_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the template is tested with Linux's /proc and prctl")

Modules = Callable[..., None]


@pytest.fixture
def modules(tmp_path: Path) -> Modules:
    """Writes modules into a folder that is on the template's path."""
    (tmp_path / "modules").mkdir()

    def write(**sources: str) -> None:
        for name, source in sources.items():
            (tmp_path / "modules" / f"{name}.py").write_text(source)

    return write


@pytest.fixture
def engine(tmp_path: Path, modules: Modules) -> Iterator[FakeEngine]:
    engine = FakeEngine(tmp_path, (str(tmp_path / "modules"),))
    yield engine
    engine.clean_up()


def busy(engine: FakeEngine, name: str, *args: object) -> FakeWorker:
    """A worker in the middle of a body."""
    worker = engine.fork()
    worker.load_name(name)
    worker.start(name, *args)
    worker.wait_until_begun()
    return worker


def daemon_of(worker: FakeWorker, tmp_path: Path) -> int:
    """A grandchild that has called setsid, of a worker that is in the middle of its body."""
    file = tmp_path / "daemon"
    worker.load_name("start_daemon_then_sleep")
    worker.start("start_daemon_then_sleep", str(file))
    assert eventually(lambda: file.exists() and file.read_text() != "")
    daemon = int(file.read_text())
    assert os.getsid(daemon) not in (worker.pid, os.getsid(0))
    return daemon


def test_modules_are_imported_once_and_every_fork_has_them(engine: FakeEngine, modules: Modules) -> None:
    modules(slow_tools="import os, time; imported_in = os.getpid()\ndef where(): return imported_in")
    assert engine.prepare("slow_tools") == []
    for _ in range(2):
        worker = engine.fork()
        worker.load_name("where", module="slow_tools")
        worker.start("where")
        ending, _, _ = worker.finish()
        assert ending["preview"] == str(engine.pid)


@pytest.mark.parametrize(
    ("source", "name", "message"),
    [
        ("def build():\n    return 1 / 0\nbuild()", "ZeroDivisionError", "division by zero"),
        ("import sys\nsys.exit(3)", "SystemExit", "exit code 3"),
        ("import no_such_module_at_all", "ModuleNotFoundError", "No module named 'no_such_module_at_all'"),
        ("def broken(:", "SyntaxError", None),
    ],
)
def test_a_module_that_cannot_be_imported_is_reported_with_its_own_traceback(
    engine: FakeEngine, modules: Modules, source: str, name: str, message: str | None
) -> None:
    modules(broken_tools=source, good_tools="value = 1")
    failures = engine.prepare("broken_tools", "good_tools")
    assert [failure["module"] for failure in failures] == ["broken_tools"]
    error = failures[0]["error"]
    assert error["name"] == name
    assert message is None or error["message"] == message
    assert "broken_tools.py" in error["stack"]
    assert "endstop" not in error["stack"]
    assert "importlib" not in error["stack"]


def test_a_module_that_was_mended_can_be_imported(engine: FakeEngine, modules: Modules) -> None:
    modules(mended_tools="1 / 0")
    assert len(engine.prepare("mended_tools")) == 1
    modules(mended_tools="value = 1 + 1  # longer than before")
    assert engine.prepare("mended_tools") == []


def test_the_host_s_program_is_never_imported(engine: FakeEngine) -> None:
    assert engine.prepare("__main__") == []


def test_what_a_module_prints_goes_to_the_host_s_standard_error(engine: FakeEngine, modules: Modules) -> None:
    modules(loud_tools="print('imported, once', end='')")
    engine.prepare("loud_tools")
    assert (engine.stdout.read_text(), engine.stderr.read_text()) == ("", "imported, once")
    for worker in (engine.fork(), engine.fork()):
        worker.value("add", 1)
    assert (engine.stdout.read_text(), engine.stderr.read_text()) == ("", "imported, once")


def test_a_module_that_takes_the_signals_does_not_stop_the_template(engine: FakeEngine, modules: Modules) -> None:
    modules(
        greedy_tools="import signal\n"
        "for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD): signal.signal(number, lambda *_: None)\n"
        "signal.set_wakeup_fd(-1)"
    )
    engine.prepare("greedy_tools")
    worker = busy(engine, "sleep", 60)
    os.kill(worker.pid, signal.SIGTERM)
    assert engine.died(worker) == {"signal": "SIGTERM", "exitCode": None}
    os.kill(engine.pid, signal.SIGTERM)
    assert engine.template_exit_code() == 0


@pytest.mark.parametrize(
    ("name", "args", "death"),
    [
        ("end_process", (7,), {"signal": None, "exitCode": 7}),
        ("crash", (), {"signal": "SIGSEGV", "exitCode": None}),
    ],
)
def test_a_worker_that_ends_is_reported_and_keeps_its_number_until_it_is_reaped(
    engine: FakeEngine, name: str, args: tuple[int, ...], death: dict[str, object]
) -> None:
    worker = busy(engine, name, *args)
    assert engine.died(worker) == death
    assert worker.ended()
    assert state_of(worker.pid) == "Z"
    engine.reap(worker)
    assert eventually(lambda: state_of(worker.pid) is None)
    assert engine.fork().value("add", 1) == 1


def test_a_death_is_reported_while_the_template_imports(engine: FakeEngine, modules: Modules, tmp_path: Path) -> None:
    mark = tmp_path / "importing"
    modules(slow_tools=f"import time\nopen({str(mark)!r}, 'w').close()\nwhile True: time.sleep(0.01)")
    worker = busy(engine, "sleep", 60)
    engine.send({"type": "prepare", "modules": ["slow_tools"]})
    assert eventually(mark.exists)
    os.killpg(worker.pid, signal.SIGKILL)
    assert engine.died(worker) == {"signal": "SIGKILL", "exitCode": None}
    os.kill(engine.pid, signal.SIGTERM)
    assert engine.template_exit_code() == 0


def test_a_reap_kills_what_the_worker_left_in_other_sessions(engine: FakeEngine, tmp_path: Path) -> None:
    worker, other = engine.fork(), busy(engine, "sleep", 60)
    daemon = daemon_of(worker, tmp_path)
    os.killpg(worker.pid, signal.SIGKILL)
    engine.died(worker)
    assert state_of(daemon) == "S"
    engine.reap(worker)
    assert eventually(lambda: state_of(daemon) is None)
    assert state_of(other.pid) == "S"


def test_a_reap_leaves_what_an_imported_module_started(engine: FakeEngine, modules: Modules) -> None:
    modules(
        starting_tools="import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']).pid\n"
        "def child_of(): return child"
    )
    engine.prepare("starting_tools")
    worker = engine.fork()
    worker.load_name("child_of", module="starting_tools")
    worker.start("child_of")
    child = int(worker.finish()[0]["preview"])
    os.killpg(worker.pid, signal.SIGKILL)
    engine.died(worker)
    engine.reap(worker)
    assert eventually(lambda: state_of(worker.pid) is None)
    assert engine.fork().value("add", 1) == 1
    assert state_of(child) in ("S", "R")


@pytest.mark.parametrize("how", ["the engine hangs up", "SIGTERM"])
def test_the_template_takes_all_with_it(engine: FakeEngine, tmp_path: Path, how: str) -> None:
    idle, spinning = engine.fork(), busy(engine, "spin")
    holding = busy(engine, "hold_the_interpreter_lock", 60)
    with_daemon = engine.fork()
    daemon = daemon_of(with_daemon, tmp_path)
    child = engine.fork().value("start_child")
    started = {idle.pid, spinning.pid, holding.pid, daemon, child, engine.pid}
    # A process that has just been started has no environment to read for an instant.
    assert eventually(lambda: started <= set(engine.living()))
    if how == "SIGTERM":
        os.kill(engine.pid, signal.SIGTERM)
    else:
        engine.hang_up()
    assert engine.template_exit_code() == 0
    assert engine.living() == []
    assert os.path.exists(engine.directory) == (how == "SIGTERM"), "the directory belongs to an engine that lives"


def test_no_worker_outlives_a_killed_template(engine: FakeEngine) -> None:
    workers = [engine.fork(), busy(engine, "spin"), busy(engine, "hold_the_interpreter_lock", 60)]
    os.kill(engine.pid, signal.SIGKILL)
    assert engine.template_exit_code() == -signal.SIGKILL
    assert eventually(lambda: engine.living() == [])
    assert all(worker.ended() for worker in workers)


def test_a_template_that_hangs_in_an_import_ends_when_it_is_asked_to(
    engine: FakeEngine, modules: Modules, tmp_path: Path
) -> None:
    mark = tmp_path / "importing"
    modules(hanging_tools=f"import time\nopen({str(mark)!r}, 'w').close()\ntime.sleep(3600)")
    busy(engine, "spin")
    engine.send({"type": "prepare", "modules": ["hanging_tools"]})
    assert eventually(mark.exists)
    os.kill(engine.pid, signal.SIGTERM)
    assert engine.template_exit_code() == 0
    assert engine.living() == []


def test_ctrl_c_is_the_host_s_to_handle(engine: FakeEngine) -> None:
    assert engine.fork().value("add", 1) == 1
    os.kill(engine.pid, signal.SIGINT)
    assert engine.fork().value("add", 2) == 2


def test_a_template_with_threads_starts_workers_without_forking(engine: FakeEngine, modules: Modules) -> None:
    modules(
        threaded_tools="import os, threading, time\n"
        "imported_in = os.getpid()\n"
        "threading.Thread(target=time.sleep, args=(3600,), daemon=True, name='mine').start()\n"
        "def where(): return imported_in, os.getsid(0), 'ENDSTOP_WORKER' in os.environ"
    )
    engine.prepare("threaded_tools")
    worker = engine.fork()
    worker.load_name("where", module="threaded_tools")
    worker.start("where")
    assert worker.finish()[0]["preview"] == str((worker.pid, worker.pid, False))
    worker.load_name("print_and_sleep")
    for told, line in ({}, "to standard error"), ({"toStdout": True}, "to standard output"):
        worker.also_told = told
        worker.start("print_and_sleep", line, 0)
        worker.finish()
    assert (engine.stdout.read_text(), engine.stderr.read_text()) == ("to standard output\n", "to standard error\n")
    worker.also_told = {}
    worker.start("print_and_sleep", "live", 60)
    assert eventually(lambda: "live\n" in engine.stderr.read_text())
    os.killpg(worker.pid, signal.SIGKILL)
    assert engine.died(worker) == {"signal": "SIGKILL", "exitCode": None}
    engine.reap(worker)


def test_an_idle_template_uses_no_processor_time(engine: FakeEngine) -> None:
    engine.fork().value("add", 1)
    before = processor_ticks(engine.pid)
    time.sleep(0.5)
    assert processor_ticks(engine.pid) - before <= 1


def test_another_version_of_the_protocol_is_refused(engine: FakeEngine) -> None:
    engine.send({"type": "hello", "protocol": 999, "path": engine.path, "socket": engine.socket_path})
    assert engine.template_exit_code() == 70
    assert "the engine speaks protocol 999, this is 1" in engine.stderr.read_text()


def processor_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
