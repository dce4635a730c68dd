"""Limits hold and nothing is forgotten although the engine is killed, again and again, at any state of a call."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from endstop import Outcome, ToolExecutor
from endstop.client.engine import shared_engine
from tests.outside import tools
from tests.support.leaks import LeakDetector

LIMIT = 10


@pytest.fixture(autouse=True)
def engine_that_ends(leaks: LeakDetector) -> Iterator[None]:
    """It is gone, with all that it remembers, when the detector looks."""
    yield
    shared_engine().end("the test is over")


def kill_the_engine() -> None:
    connection = shared_engine().live_connection
    # One that dies three times before it has answered a call is given up, which is another test's matter.
    if connection is not None and connection.proved:
        os.kill(connection.process.pid, signal.SIGKILL)


def while_the_engine_dies(work: Callable[[], None], every_s: float, times: int) -> None:
    done = threading.Event()

    def kill_again_and_again() -> None:
        for _ in range(times):
            if done.wait(every_s):
                return
            kill_the_engine()

    killer = threading.Thread(target=kill_again_and_again)
    killer.start()
    try:
        work()
    finally:
        done.set()
        killer.join()


@pytest.mark.parametrize("placement", ["host", "worker"])
@pytest.mark.timeout(180)
def test_a_limit_of_10_is_exact_although_the_engine_is_killed_among_100_calls(placement: str, tmp_path: Path) -> None:
    log = tmp_path / "bodies"
    codes: Counter[str] = Counter()
    with ToolExecutor(timeout_seconds=30, rejections_to_end_agent=None) as executor:
        executor.register(tools.note_slowly, placement=placement, max_calls=LIMIT)

        def call(calls: int) -> None:
            for _ in range(calls):
                outcome = executor.try_execute_tool("note_slowly", {"path": str(log)})
                codes[outcome.failure.code if outcome.failure else "succeeded"] += 1

        def call_from_8_threads() -> None:
            threads = [threading.Thread(target=call, args=(12,)) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            call(4)

        while_the_engine_dies(call_from_8_threads, every_s=0.1, times=30)
        call(LIMIT)  # what a lost engine had not begun may still be used
    assert len(log.read_text().splitlines()) == LIMIT
    assert codes["succeeded"] + codes["lost"] >= LIMIT
    assert set(codes) <= {"succeeded", "lost", "usage-limit"}


def test_loops_are_seen_across_the_loss_of_the_engine(tmp_path: Path) -> None:
    with ToolExecutor() as executor:
        executor.register(lambda: "the same", name="ask")
        with executor.run():
            outcomes: list[Outcome] = []
            for _ in range(4):
                outcomes.append(executor.try_execute_tool("ask"))
                kill_the_engine()
            assert [outcome.status for outcome in outcomes] == ["succeeded"] * 3 + ["rejected"]
            assert outcomes[2].notice is not None
            assert outcomes[3].failure is not None
            assert outcomes[3].failure.code == "repeated-call"


def test_a_host_body_that_outlives_its_engine_is_settled_by_the_next_one() -> None:
    with ToolExecutor(timeout_seconds=30) as executor:
        executor.register(lambda: kill_the_engine() or time.sleep(0.2) or "done", name="kill", max_in_flight=1)
        with executor.run():
            first = executor.try_execute_tool("kill")
            second = executor.try_execute_tool("kill")
    assert [first.value, second.value] == ["done", "done"]
    assert first.path == ("kill",)


def test_an_ending_that_the_engine_did_not_live_to_hear_is_told_to_the_next_one() -> None:
    stops = iter([True])

    def stop_the_engine() -> str:
        engine = shared_engine().live_connection
        if engine is not None and next(stops, False):
            os.kill(engine.process.pid, signal.SIGSTOP)
        return "done"

    with ToolExecutor(timeout_seconds=30) as executor:
        executor.register(stop_the_engine, name="stop", max_calls=10, max_in_flight=1)
        executor.register(lambda: 1, name="other")
        with executor.run():
            # The outcome was known with the admission: nobody waits for the engine, which stands still.
            first = executor.try_execute_tool("stop")
            kill_the_engine()
            assert executor.execute_tool("other") == 1
            # Its effect is known, so it may be called again. The results are the same, with something new in between.
            kinds = []
            for _ in range(4):
                outcome = executor.try_execute_tool("stop")
                kill_the_engine()
                kinds.append((outcome.status, outcome.notice is not None))
    assert first.value == "done"
    assert kinds == [("succeeded", False), ("succeeded", False), ("succeeded", True), ("rejected", False)]


def test_a_run_whose_journal_is_gone_admits_only_what_reads() -> None:
    with ToolExecutor() as executor:
        executor.register(lambda: 1, name="write")
        executor.register(lambda: 2, name="read", read_only=True)
        with executor.run():
            assert executor.execute_tool("write") == 1
            workplace = shared_engine().workplace.directory()
            assert workplace is not None
            kill_the_engine()
            for journal in Path(workplace).glob("*-run-*.journal"):
                journal.unlink()
            forgotten = executor.try_execute_tool("write")
            assert forgotten.failure is not None
            assert forgotten.failure.code == "history-lost"
            assert executor.execute_tool("read") == 2
        with executor.run():
            assert executor.execute_tool("write") == 1
