"""Callers and one engine: whoever waits gets the answer to its own call, or the one reason why there is none."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from endstop.client import engine as engine_module
from endstop.client import process as process_module
from endstop.client.engine import SharedEngine
from endstop.client.session import CallRequest, Session, Ticket
from endstop.errors import EngineError
from endstop.outcome import Outcome

from .support.fake_engine import eventually, state_of
from .support.stdio_engine import engine_that


class Opened:
    def __init__(self) -> None:
        self.engines: list[SharedEngine] = []

    def session(self, *behaviour: object) -> Session:
        self.engines.append(SharedEngine(lambda: engine_that(*behaviour)))
        return Session({"timeoutMs": None}, engine=self.engines[-1])

    def connection(self) -> Any:
        return self.engines[-1].live_connection


@pytest.fixture
def opened() -> Iterator[Opened]:
    opened = Opened()
    yield opened
    for engine in opened.engines:
        engine.end("the test is over")


def admitted(session: Session, **request: Any) -> Ticket:
    answer = session.submit(CallRequest("echo", **request))
    assert isinstance(answer, Ticket)
    return answer


def call(session: Session, value: Any) -> Any:
    return admitted(session).run(lambda: value).unwrap()


async def call_async(session: Session, value: Any) -> Any:
    ticket = await session.submit_async(CallRequest("echo"))
    assert isinstance(ticket, Ticket)
    return (await ticket.run_async(lambda: value)).unwrap()


def test_every_thread_gets_the_answers_to_its_own_calls(opened: Opened) -> None:
    session = opened.session("serves")
    calls = [(thread, number) for thread in range(8) for number in range(25)]
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda value: call(session, value), calls)) == calls


def test_a_follower_is_woken_although_its_answer_comes_before_the_leader_s(opened: Opened) -> None:
    session = opened.session("admits in reverse", 6)
    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(lambda value: call(session, value), range(6))) == list(range(6))


def test_tasks_of_several_loops_and_threads_call_at_once(opened: Opened) -> None:
    session = opened.session("serves")

    def loop(number: int) -> list[Any]:
        async def many() -> list[Any]:
            return await asyncio.gather(*(call_async(session, (number, task)) for task in range(10)))

        return asyncio.run(many())

    with ThreadPoolExecutor(6) as threads:
        loops = [threads.submit(loop, number) for number in range(3)]
        plain = [threads.submit(call, session, number) for number in range(30)]
        assert [future.result() for future in plain] == list(range(30))
        assert [future.result() for future in loops] == [[(n, task) for task in range(10)] for n in range(3)]


def test_a_reader_thread_exists_only_for_tasks_and_ends_with_the_engine(opened: Opened) -> None:
    before = set(threading.enumerate())

    def readers() -> int:
        """Readers of this test: one of an engine that another test ended may still be ending."""
        return sum(thread.name == "endstop-reader" for thread in set(threading.enumerate()) - before)

    session = opened.session("serves")
    assert call(session, 1) == 1
    assert readers() == 0
    assert asyncio.run(call_async(session, 2)) == 2
    assert readers() == 1
    opened.engines[-1].end("enough")
    assert eventually(lambda: readers() == 0)


def test_callers_at_once_share_one_engine(opened: Opened) -> None:
    session = opened.session("serves")
    barrier = threading.Barrier(8)

    def first_call(_: int) -> int:
        barrier.wait()
        admitted(session).run(lambda: None)
        return int(opened.connection().process.pid)

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(first_call, range(8)))) == 1


def test_a_task_that_is_cancelled_while_it_waits_leaves_the_channel_whole(opened: Opened) -> None:
    session = opened.session("admits in reverse", 2)

    async def scenario() -> None:
        waiting = asyncio.create_task(session.submit_async(CallRequest("echo")))
        assert await asyncio.to_thread(eventually, lambda: opened.connection() is not None)
        await asyncio.sleep(0.05)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await call_async(session, "next") == "next"

    asyncio.run(scenario())


# -- an engine that is lost


def test_a_host_call_whose_engine_dies_keeps_what_its_body_returned_or_raised(opened: Opened) -> None:
    returned = admitted(opened.session("ends after admission")).run(lambda: 42)
    assert (returned.status, returned.value, returned.attempts) == ("succeeded", 42, 1)

    raised = admitted(opened.session("ends after admission")).run(lambda: 1 / 0)
    assert (raised.status, raised.failure and raised.failure.code) == ("failed", "tool-error")
    assert isinstance(raised.exception, ZeroDivisionError)

    unused = admitted(opened.session("ends after admission")).invalid("b is missing")
    assert (unused.status, unused.failure and unused.failure.code) == ("rejected", "invalid-input")
    assert unused.attempts == 0


def test_a_host_call_whose_engine_dies_still_ends_at_its_deadline(opened: Opened) -> None:
    release = threading.Event()
    late = admitted(opened.session("ends after admission"), timeout_ms=50).run(lambda: release.wait(30))
    release.set()
    assert (late.status, late.attempts) == ("timed-out", 1)
    assert late.failure is not None
    assert "50 ms" in late.failure.message


def test_a_call_that_was_not_decided_is_sent_to_the_next_engine(opened: Opened, tmp_path: Path) -> None:
    session = opened.session("ends at the first call, once", tmp_path / "died")
    session.register("echo", {})
    ticket = admitted(session, run=session.open_run())
    assert (tmp_path / "died").exists()
    assert ticket.run(lambda: "after all").value == "after all"


def test_an_engine_that_dies_at_every_call_is_given_up_with_every_reason(opened: Opened) -> None:
    with pytest.raises(EngineError) as found:
        call(opened.session("ends at every call"), 1)
    assert found.value.code == "engine-lost"
    assert str(found.value).count("exit status 4") == 3
    assert "echo" in str(found.value)


def test_every_caller_that_waits_is_told_the_one_reason(opened: Opened) -> None:
    session = opened.session("admits in reverse", 99)
    call_engine = opened.engines[-1]
    call_engine.connection()
    connection = opened.connection()
    slots = [connection.open_slot(call_engine.next_id()) for _ in range(5)]
    waiters = [threading.Thread(target=connection.wait, args=(slot,), kwargs={"settled": True}) for slot in slots]
    for waiter in waiters:
        waiter.start()
    os.kill(connection.process.pid, signal.SIGKILL)
    for waiter in waiters:
        waiter.join(20)
        assert not waiter.is_alive()
    assert {slot.lost for slot in slots} == {"the engine ended (signal 9)"}
    assert connection.lost == "the engine ended (signal 9)"
    with pytest.raises(Exception, match="signal 9"):
        connection.send(b"x")
    with pytest.raises(Exception, match="signal 9"):
        connection.open_slot(4711)
    session.close()


@pytest.mark.parametrize(
    ("data", "then", "reason"),
    [
        ("0100000100000000", "and waits", "a frame says its header has 16777217 bytes, the limit is 8388608"),
        ("00000002100000017b7d", "and waits", "a frame says its body has 268435457 bytes"),
        ("00000005000000007b74797065", "and waits", "a frame's header is not JSON"),
        ("00000008000000007b226964223a317d", "and waits", "not a JSON object with a string `type`"),
        ("0000008b000000067b2274", "and ends", "the stream ended inside a frame, after 11 of its bytes"),
        (b'\0\0\0\x0f\0\0\0\0{"type":"what"}'.hex(), "and waits", "a frame of the unknown type 'what'"),
        (b"Debugger listening on ws://127.0.0.1\n".hex(), "and waits", "a frame says its header has"),
    ],
)
def test_an_engine_that_breaks_the_protocol_is_ended_and_its_calls_are_settled(
    opened: Opened, data: str, then: str, reason: str
) -> None:
    session = opened.session("sends raw after admission", data, then)
    connection = opened.engines[-1].connection()
    outcome = admitted(session).run(lambda: "kept")
    assert (outcome.status, outcome.value) == ("succeeded", "kept")
    assert connection.lost is not None
    assert connection.lost.startswith("the engine broke the protocol: ")
    assert reason in connection.lost
    assert state_of(connection.process.pid) is None


def test_a_call_that_the_engine_refuses_is_an_error_and_the_next_one_works(opened: Opened) -> None:
    session = opened.session("refuses")
    with pytest.raises(EngineError, match="The engine refused the call: it makes no sense") as found:
        call(session, 1)
    assert found.value.code == "engine-refused"
    assert call(session, 2) == 2


def test_a_second_outcome_and_one_that_nobody_asked_for_are_ignored(opened: Opened) -> None:
    session = opened.session("answers twice")
    outcome = admitted(session).run(lambda: 1)
    assert (outcome.tool, outcome.value) == ("echo", 1)
    assert call(session, 2) == 2


# -- an engine that does not start


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ("ends at once", "exit status 3"),
        ("prints", "the engine broke the protocol: a frame says its header has"),
        ("speaks another version", "it refused `hello`: expected hello with protocol 2"),
    ],
)
def test_three_failed_starts_are_one_error_with_every_reason(opened: Opened, behaviour: str, reason: str) -> None:
    session = opened.session(behaviour)
    with pytest.raises(EngineError) as found:
        call(session, 1)
    assert found.value.code == "engine-start-failed"
    first, *reasons = str(found.value).splitlines()
    assert first == "The engine failed 3 times in a row:"
    assert len(reasons) == 3
    assert all(reason in line for line in reasons)


def test_an_engine_that_is_not_ready_in_time_is_killed(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "START_TIMEOUT_S", 0.3)
    with pytest.raises(EngineError, match=r"was not ready within 0.3 s: the engine ended \(signal 9\)"):
        call(opened.session("hangs"), 1)


def test_a_command_that_is_no_program_says_so(tmp_path: Path) -> None:
    engine = SharedEngine(lambda: [str(tmp_path / "nothing")])
    with pytest.raises(EngineError, match=r"nothing cannot be started: ") as found:
        engine.connection()
    assert found.value.code == "engine-start-failed"


def test_an_engine_that_was_never_built_says_how_to_build_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(process_module, "_ENGINE_FILE", tmp_path / "endstop.mjs")
    with pytest.raises(EngineError, match=r"endstop\.mjs does not exist\. In a checkout, `python3 dev build`") as found:
        SharedEngine().connection()
    assert found.value.code == "engine-not-built"


def test_callers_at_once_share_one_failed_start(opened: Opened, tmp_path: Path) -> None:
    starts = 0

    def command() -> list[str]:
        nonlocal starts
        starts += 1
        return engine_that("ends at once")

    engine = SharedEngine(command)
    opened.engines.append(engine)
    barrier = threading.Barrier(4)

    def start(_: int) -> str:
        barrier.wait()
        with pytest.raises(EngineError) as found:
            engine.connection()
        return str(found.value)

    with ThreadPoolExecutor(4) as threads:
        assert len(set(threads.map(start, range(4)))) == 1
    assert starts <= 2


def test_after_failed_starts_the_next_call_tries_again(opened: Opened) -> None:
    behaviours = [["ends at once"], ["serves"]]
    engine = SharedEngine(lambda: engine_that(*behaviours.pop(0)))
    opened.engines.append(engine)
    session = Session({"timeoutMs": None}, engine=engine)
    with pytest.raises(EngineError):
        call(session, 1)
    assert call(session, 2) == 2


def test_no_engine_is_started_when_the_interpreter_is_ending(opened: Opened) -> None:
    session = opened.session("serves")
    opened.engines[-1].end_for_good()
    with pytest.raises(EngineError) as found:
        call(session, 1)
    assert found.value.code == "interpreter-ending"


# -- tickets and sessions


def test_a_ticket_is_used_once(opened: Opened) -> None:
    ticket = admitted(opened.session("serves"))
    assert isinstance(ticket.run(lambda: 1), Outcome)
    for use in (lambda: ticket.run(lambda: 2), lambda: ticket.give_back("again"), lambda: ticket.answered(3)):
        with pytest.raises(RuntimeError, match="was already started or given back"):
            use()
    assert ticket.settled is not None
    assert ticket.settled.value == 1


def test_a_closed_session_takes_no_calls(opened: Opened) -> None:
    session = opened.session("serves")
    session.close()
    session.close()
    with pytest.raises(RuntimeError, match="this session is closed"):
        call(session, 1)


# -- forks


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_forgets_its_parent_s_engine_and_starts_its_own(opened: Opened) -> None:
    session = opened.session("serves")
    assert call(session, 1) == 1
    parents = opened.connection()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            told = f"{call(session, 2)} {parents.lost} {opened.connection().process.pid != parents.process.pid}"
            opened.engines[-1].end("the child is over")
        except BaseException as problem:
            told = repr(problem)
        os.write(writing, told.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        assert pipe.read() == "2 this process was forked from the one that started the engine True"
    assert os.waitpid(child, 0)[1] == 0
    assert opened.connection() is parents
    assert call(session, 3) == 3


def test_an_engine_that_reads_journals_is_given_time_until_it_has(opened: Opened) -> None:
    opened.session("serves")
    connection = opened.engines[-1].connection()
    connection.note_ping()
    assert not connection.takes_up_sessions
    connection.note_ping(takes_up=True)
    # The answer to the one before says nothing of the journals behind it.
    for takes_up in (True, False):
        connection._deliver({"type": "pong"}, b"")
        assert connection.takes_up_sessions is takes_up
