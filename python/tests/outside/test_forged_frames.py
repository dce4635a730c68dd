"""Whatever a worker sends on its own socket: every other call is untouched, and its own has exactly one outcome."""

from __future__ import annotations

import os
import pickle
import random
import re
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

from endstop import Outcome, ToolExecutor
from endstop.client.engine import shared_engine
from endstop.host.bodies import body_threads
from tests.outside.programs import Programs
from tests.support import forging
from tests.support.fake_engine import eventually
from tests.support.forging import encoded
from tests.support.leaks import LeakDetector

ROUNDS = int(os.environ.get("ENDSTOP_FUZZ_ROUNDS", "12"))
SEED = int(os.environ.get("ENDSTOP_FUZZ_SEED", "20261129"))
_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e]")


@pytest.fixture
def executor(leaks: LeakDetector) -> Iterator[ToolExecutor]:
    with ToolExecutor(timeout_seconds=30) as made:
        made.register(forging.honest, placement="worker", max_calls=1_000_000)
        made.register(forging.forge, placement="worker", timeout="3s")
        made.execute_tool("honest", {"value": "warm"})
        yield made
    shared_engine().end("the test is over")
    body_threads.release(("endstop",))  # the one that made exceptions of workers again


def engine_pid() -> int:
    connection = shared_engine().live_connection
    assert connection is not None
    return connection.process.pid  # type: ignore[union-attr]  # of this process


def texts_of(outcome: Outcome) -> Iterator[str]:
    failure = outcome.failure
    if failure is not None:
        yield from (failure.message, failure.for_model)
        error = failure.error
        while error is not None:
            yield from (error.name, error.message, error.stack)
            error = error.cause


def test_every_other_call_is_untouched_and_its_own_has_one_outcome(executor: ToolExecutor) -> None:
    rng = random.Random(SEED)
    pid = engine_pid()
    with ThreadPoolExecutor(8) as threads:
        for number in range(ROUNDS):
            seed, frames = rng.randrange(2**32), rng.choice([1, 1, 2, 5, 40, 300])
            arguments = {"seed": seed, "frames": frames}
            attacker = threads.submit(executor.try_execute_tool, "forge", arguments)
            values = [f"{number}-{position}" for position in range(6)]
            others = [
                threads.submit(executor.try_execute_tool, "honest", {"value": value, "seconds": 0.01 * (position % 3)})
                for position, value in enumerate(values)
            ]
            told = f"seed {seed}, {frames} frames"
            assert [other.result(60).unwrap() for other in others] == values, told
            own = attacker.result(60)
            # Whoever begins a frame and does not end it has no answer that can be read.
            assert own.status in ("succeeded", "failed", "timed-out"), (told, own)
            for text in texts_of(own):
                assert len(text) <= 51_000, told
                assert not _STEERING.search(text), (told, text[:200])
            assert executor.execute_tool("honest", {"value": "after"}) == "after", told
            assert executor.calls_in_flight() == [], told
    stats = executor.stats()
    assert stats.in_flight == 0
    assert stats.tools["honest"].calls == ROUNDS * 7 + 1
    assert stats.tools["honest"].bodies == ROUNDS * 7 + 1
    assert stats.tools["forge"].calls == ROUNDS
    assert engine_pid() == pid


def test_the_beginning_of_a_frame_does_not_swallow_the_answer_of_the_next_call(executor: ToolExecutor) -> None:
    def body() -> None:
        told = forging.what_was_run()
        ending = {"type": "returned", "digest": None, "preview": None}
        ended = {"type": "ended", **told, "ending": ending, "grownBytes": 0}
        forging.own_socket().sendall(encoded(ended, pickle.dumps(None)) + encoded(ended, b"x" * 10_000)[:100])

    executor.register(body, placement="worker", timeout="5s")
    for number in range(4):
        executor.execute_tool("body")
        assert executor.execute_tool("honest", {"value": f"{number}"}) == f"{number}"


@pytest.mark.parametrize("ending", [{"type": "shared", "ending": {}}, {"type": "raised", "error": None}, None])
def test_an_ending_that_makes_no_sense_is_the_end_of_its_call(executor: ToolExecutor, ending: Any) -> None:
    def body() -> None:
        told = forging.what_was_run()
        forging.own_socket().sendall(encoded({"type": "ended", **told, "ending": ending, "grownBytes": 0}))
        threading.Event().wait()

    executor.register(body, placement="worker")
    outcome = executor.try_execute_tool("body")
    assert outcome.failure is not None
    assert outcome.failure.code == "worker-crashed"
    assert "makes no sense" in outcome.failure.message


def test_a_body_that_began_does_not_get_its_use_back_by_saying_that_it_did_not(executor: ToolExecutor) -> None:
    def body() -> None:
        ending = {"type": "load-failed", "error": {"name": "E", "message": "", "stack": ""}}
        told = forging.what_was_run()
        forging.own_socket().sendall(encoded({"type": "ended", **told, "ending": ending, "grownBytes": 0}))

    executor.register(body, placement="worker", max_calls=2)
    codes = [executor.try_execute_tool("body").failure for _ in range(3)]
    assert [failure and failure.code for failure in codes] == ["worker-crashed", "worker-crashed", "usage-limit"]


def test_who_has_no_token_is_not_heard_and_makes_the_engine_hold_nothing(executor: ToolExecutor) -> None:
    path = executor.execute_tool("honest", {"value": "x"}) and _socket_path()
    rng = random.Random(SEED)
    for header in (b"null", b'{"type":"ended"}', b'{"type":"call","id":1}', rng.randbytes(20), b""):
        assert _answer(path, encoded(header)) == b""
    hello = {"type": "hello", "protocol": 1, "version": "x", "pid": 1, "worker": 1, "token": "t"}
    for wrong in ({}, {"guest": None}, {"guest": []}, {"guest": {"call": 5, "token": 5}}, {"worker": {}}, {"pid": "1"}):
        assert _answer(path, encoded({**hello, **wrong})) == b""
    # More than a hello may have: it is closed at once, long before all of it is there.
    assert _answer(path, b"\x00\xff\xff\xff\x0f\xff\xff\xff") == b""
    with ExitStack() as all_of_them:
        strangers = [all_of_them.enter_context(_dial(path)) for _ in range(300)]
        assert executor.execute_tool("honest", {"value": "y"}) == "y"
        assert eventually(lambda: sum(_is_closed(stranger) for stranger in strangers) >= 300 - 256)


def _socket_path() -> str:
    connection = shared_engine().live_connection
    assert connection is not None
    directory = connection.process.directory
    assert directory is not None
    return os.path.join(directory, "engine.sock")


def _dial(path: str) -> socket.socket:
    dialed = socket.socket(socket.AF_UNIX)
    dialed.settimeout(10)
    dialed.connect(path)
    return dialed


def _answer(path: str, data: bytes) -> bytes:
    with _dial(path) as dialed:
        try:
            dialed.sendall(data)
            return dialed.recv(1_000)
        except OSError:
            return b""


def _is_closed(dialed: socket.socket) -> bool:
    dialed.settimeout(0.01)
    try:
        return dialed.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


WRITING = """
import json, os, struct, sys
forged = [{"type": "bogus"}, {"type": "prepared"}, {"type": "prepared", "modules": 5}, {"type": "died"},
          {"type": "died", "worker": "x", "pid": -1}, {"type": "died", "worker": 1, "pid": 1},
          {"type": "unforked"}, {"type": "unforked", "worker": 1, "message": 7}, {"type": "ready"},
          {"type": "forked"}, {"type": "forked", "worker": 1, "pid": 1}]
if "endstop.worker.template" in sys.modules:
    for header in map(json.dumps, forged):
        try:
            os.write(3, struct.pack(">II", len(header), 0) + header.encode())
        except OSError:
            break
def one(): return 1
"""


def test_forged_messages_of_the_template_end_no_engine_and_no_other_call(programs: Programs) -> None:
    """A module that is imported there writes them; its calls fail by its name."""
    programs.run(
        """
        import pathlib
        from endstop import ToolExecutor
        from endstop.client.engine import shared_engine
        from tests.outside.test_forged_frames import WRITING

        pathlib.Path("writing.py").write_text(WRITING)
        pathlib.Path("quiet.py").write_text("def two(): return 2")
        import quiet, writing

        with ToolExecutor() as executor:
            executor.register(lambda: 0, name="zero")
            executor.register(writing.one, name="one", placement="worker")
            executor.register(quiet.two, name="two", placement="worker")
            assert executor.execute_tool("zero") == 0
            engine = shared_engine().live_connection.process.pid
            for _ in range(2):
                outcome = executor.try_execute_tool("one")
                assert outcome.succeeded or outcome.failure.code == "tool-load-failed", outcome
                assert executor.execute_tool("zero") == 0
            assert executor.execute_tool("two") == 2
            assert shared_engine().live_connection.process.pid == engine
        """
    )
