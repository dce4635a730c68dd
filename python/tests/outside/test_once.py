"""A side effect runs once, and limits are exact: however many engines are lost, whatever becomes of their files."""

from __future__ import annotations

import contextvars
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from endstop import Outcome, ToolExecutor
from endstop.client.engine import shared_engine
from tests.outside import tools
from tests.outside.programs import Programs
from tests.support.fake_engine import eventually
from tests.support.leaks import LeakDetector


@pytest.fixture(autouse=True)
def engine_that_ends(leaks: LeakDetector) -> Iterator[None]:
    """It is gone, with all that it remembers, when the detector looks."""
    yield
    shared_engine().end("the test is over")


def kill_the_engine() -> None:
    connection = shared_engine().live_connection
    assert connection is not None
    os.kill(connection.process.pid, signal.SIGKILL)


@pytest.mark.parametrize("losses", [1, 2, 4])
def test_a_keyed_body_runs_once_however_many_engines_are_lost(losses: int, tmp_path: Path) -> None:
    log = tmp_path / "log"
    lost: list[Outcome] = []
    with ToolExecutor() as payer, ToolExecutor() as other:
        payer.register(tools.note_and_hang, name="pay", placement="worker", max_calls=1)
        other.register(lambda: 1, name="one")
        call = threading.Thread(
            target=lambda: lost.append(payer.try_execute_tool("pay", {"path": str(log)}, idempotency_key="order 1"))
        )
        call.start()
        assert eventually(log.exists)
        kill_the_engine()
        call.join()
        for _ in range(losses - 1):
            assert other.execute_tool("one") == 1
            kill_the_engine()
        assert other.execute_tool("one") == 1  # a call that is sent to an engine that is dying would be lost as well
        again = payer.try_execute_tool("pay", {"path": str(log)}, idempotency_key="order 1")
        another = payer.try_execute_tool("pay", {"path": str(log)})
    codes = [outcome.failure and outcome.failure.code for outcome in (*lost, again, another)]
    assert codes == ["lost", "effect-unknown", "usage-limit"]
    assert len(log.read_text().splitlines()) == 1


TIDIES = """
import os, pathlib, shutil, signal, sys, time
from endstop import ToolExecutor
from endstop.client.engine import shared_engine

log = os.path.abspath("log")


def tidy(how):
    with open(log, "a") as file:
        file.write("paid\\n")
    for path in pathlib.Path(os.environ["TMPDIR"]).iterdir():
        shutil.rmtree(path)
    if how == "crash":
        os.abort()
    if how == "engine":
        os.kill(int(os.environ["ENGINE"]), signal.SIGKILL)
    time.sleep(60)


if __name__ == "__main__":
    executor = ToolExecutor()
    executor.register(lambda: 1, name="one")
    executor.register(tidy, placement="worker", timeout="1s", max_calls=1)
    assert executor.execute_tool("one") == 1
    os.environ["ENGINE"] = str(shared_engine().live_connection.process.pid)
    for _ in range(4):
        outcome = executor.try_execute_tool("tidy", {"how": sys.argv[1]}, idempotency_key="order 1")
        print(outcome.failure.code, outcome.failure.retryable)
    for _ in range(4):
        print(executor.try_execute_tool("tidy", {"how": sys.argv[1]}).failure.code)
    print(len(open(log).readlines()), executor.execute_tool("one"))
"""


@pytest.mark.parametrize(
    ("how", "first", "unkeyed"),
    [
        ("hang", "timed-out", "usage-limit"),
        ("crash", "worker-crashed", "usage-limit"),
        # With the journals, what was known of its limit is gone, too.
        ("engine", "lost", "history-lost"),
    ],
)
def test_a_tool_that_tidies_the_folder_of_temporary_files_runs_once(
    how: str, first: str, unkeyed: str, programs: Programs, tmp_path: Path
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    host = programs.start(TIDIES, how, TMPDIR=str(temporary), ENDSTOP_TMPDIR="")
    finished = host.finish(60)
    lines = finished.stdout.splitlines()
    assert (lines[0], lines[-1], finished.exit_code) == (f"{first} False", "1 1", 0), finished.stderr
    assert set(lines[1:4]) <= {"effect-unknown False", "history-lost False"}
    assert set(lines[4:8]) == {unkeyed}


def test_a_forked_child_of_a_body_does_not_undo_a_newer_limit(tmp_path: Path) -> None:
    log = tmp_path / "log"

    def inner() -> None:
        with log.open("a") as file:
            file.write("body\n")

    def outer() -> None:
        asked, ask = os.pipe()
        child = os.fork()
        if child == 0:
            os.read(asked, 1)
            executor.set_tool_limit("inner", 50)
            for _ in range(5):
                executor.try_execute_tool("inner")
            os._exit(0)
        executor.set_tool_limit("inner", 3)
        assert executor.describe("inner")["max_calls"].value == 3
        os.write(ask, b"x")
        os.waitpid(child, 0)
        os.close(ask)
        os.close(asked)

    with ToolExecutor() as executor:
        executor.register(outer, name="outer", timeout=None)
        executor.register(inner, name="inner", max_calls=100)
        assert executor.try_execute_tool("outer").status == "succeeded"
        executor.try_execute_tool("inner")
        assert executor.describe("inner")["max_calls"].value == 3
    assert len(log.read_text().splitlines()) == 3


@pytest.mark.skipif(os.name != "posix", reason="flock")
def test_the_journals_are_locked_against_those_who_remove_what_is_old() -> None:
    import fcntl

    with ToolExecutor() as executor:
        executor.register(lambda: 1, name="one")
        executor.execute_tool("one")
        directory = shared_engine().workplace.directory()
        assert directory is not None
        cleaner = os.open(directory, os.O_RDONLY)
        try:
            with pytest.raises(BlockingIOError):
                fcntl.flock(cleaner, fcntl.LOCK_EX | fcntl.LOCK_NB)
        finally:
            os.close(cleaner)


def _cut(file: Path) -> None:
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[: len(lines) // 2]))


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda file: file.write_text("x\n"), id="somebody else's"),
        pytest.param(lambda file: file.unlink(), id="gone"),
        pytest.param(lambda file: os.truncate(file, 0), id="empty"),
        pytest.param(_cut, id="cut"),
    ],
)
def test_a_limit_is_not_passed_after_a_run_s_journal_was_spoiled_by_any_engine_that_follows(
    spoil: Callable[[Path], object],
) -> None:
    codes = []
    with ToolExecutor() as executor:
        executor.register(lambda: time.monotonic_ns(), name="now", max_calls=6)
        executor.register(lambda: 1, name="one")
        with executor.run():
            for _ in range(4):
                executor.execute_tool("now")
            kill_the_engine()
            directory = shared_engine().workplace.directory()
            assert directory is not None
            for file in Path(directory).glob("*-run-*.journal"):
                spoil(file)
        for _ in range(3):
            assert executor.execute_tool("one") == 1
            failure = executor.try_execute_tool("now").failure
            codes.append(failure and failure.code)
            kill_the_engine()
    assert codes == ["history-lost"] * 3


def test_a_tool_that_says_once_runs_once_over_the_loss_of_the_engine_and_those_who_wait_have_its_answer() -> None:
    bodies: list[int] = []
    goes_on = threading.Event()
    outcomes: list[Outcome] = []

    def charge(amount: int) -> str:
        bodies.append(amount)
        assert goes_on.wait(30)
        return f"receipt {len(bodies)}"

    with ToolExecutor() as executor:
        executor.register(charge, once=True, max_calls=1)
        executor.register(lambda: 1, name="one")
        with executor.run():

            def ask() -> None:
                outcomes.append(executor.try_execute_tool("charge", {"amount": 5}))

            callers = [threading.Thread(target=contextvars.copy_context().run, args=(ask,)) for _ in range(2)]
            for caller in callers:
                caller.start()
            assert eventually(lambda: len(executor.calls_in_flight()) == 2)
            kill_the_engine()
            assert executor.execute_tool("one") == 1
            goes_on.set()
            for caller in callers:
                caller.join(30)
            kill_the_engine()
            assert executor.execute_tool("one") == 1
            ask()
    assert [outcome.value for outcome in outcomes] == ["receipt 1"] * 3
    assert bodies == [5]


def test_a_worker_body_of_a_tool_that_says_once_is_not_run_again_when_nobody_knows_how_it_ended(
    tmp_path: Path,
) -> None:
    log = tmp_path / "log"
    outcomes: list[Outcome] = []
    with ToolExecutor() as executor:
        executor.register(tools.note_and_hang, name="charge", placement="worker", once=True)
        executor.register(lambda: 1, name="one")

        def ask() -> None:
            outcomes.append(executor.try_execute_tool("charge", {"path": str(log)}))

        callers = [threading.Thread(target=ask) for _ in range(2)]
        for caller in callers:
            caller.start()
        assert eventually(log.exists)
        assert eventually(lambda: len(executor.calls_in_flight()) == 2)
        kill_the_engine()
        for caller in callers:
            caller.join(30)
        assert executor.execute_tool("one") == 1
        ask()
    codes = sorted(outcome.failure.code for outcome in outcomes if outcome.failure is not None)
    assert codes == ["effect-unknown", "effect-unknown", "lost"]
    assert len(log.read_text().splitlines()) == 1
