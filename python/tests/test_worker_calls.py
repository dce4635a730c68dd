"""What a worker answers: one call at a time over its socket."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import time
from collections.abc import Iterator

import pytest

from .support.fake_engine import FakeEngine, FakeWorker, eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers are tested with Linux's /proc and prctl")


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeEngine]:
    engine = FakeEngine(tmp_path_factory.mktemp("engine"))
    assert engine.prepare("worker_tools") == []
    yield engine
    engine.clean_up()


@pytest.fixture
def worker(engine: FakeEngine) -> Iterator[FakeWorker]:
    worker = engine.fork()
    yield worker
    worker.channel.close()
    engine.died(worker)
    engine.reap(worker)


def test_a_call_returns_the_value_with_its_digest_and_preview(worker: FakeWorker) -> None:
    ending, body, started = worker.call("add", 2, b=3)
    assert pickle.loads(body) == 5
    assert ending == {"type": "returned", "digest": ending["digest"], "preview": "5"}
    assert started
    assert worker.call("add", 5)[0]["digest"] == ending["digest"]
    assert worker.call("add", 6)[0]["digest"] != ending["digest"]


def test_a_worker_leads_a_session_of_its_own_and_is_a_child_of_the_template(
    engine: FakeEngine, worker: FakeWorker
) -> None:
    assert worker.value("session_and_parent") == (worker.pid, worker.pid, worker.pid, engine.pid)


def test_a_tool_object_keeps_its_state_between_the_calls_of_one_worker(worker: FakeWorker) -> None:
    from .support.worker_tools import Counter

    Counter.__module__ = "worker_tools"
    sys.modules["worker_tools"] = sys.modules[f"{__package__}.support.worker_tools"]
    try:
        worker.load("counter", pickle.dumps(("value", pickle.dumps(Counter()))))
    finally:
        del sys.modules["worker_tools"]
    results = []
    for _ in range(3):
        worker.start("counter")
        results.append(pickle.loads(worker.finish()[1]))
    assert results == [1, 2, 3]


def test_a_coroutine_is_run_to_its_end(worker: FakeWorker) -> None:
    assert worker.value("wait_then_add", 2, 3) == 5


def test_an_exception_is_described_with_its_causes_and_comes_as_a_pickle(worker: FakeWorker) -> None:
    ending, body, started = worker.call("fail_with_causes")
    assert started
    assert (ending["type"], ending["error"]["name"], ending["error"]["message"]) == (
        "raised",
        "ValueError",
        "the outer failure",
    )
    assert ending["error"]["cause"]["name"] == "KeyError"
    assert "in fail_with_causes" in ending["error"]["stack"]
    assert repr(pickle.loads(body)) == "ValueError('the outer failure')"


@pytest.mark.parametrize("name", ["fail_with_causes", "fail_later"])
def test_a_traceback_begins_in_the_tool_s_own_code(worker: FakeWorker, name: str) -> None:
    lines = worker.call(name)[0]["error"]["stack"].splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert "worker_tools.py" in lines[1]


def test_an_exception_without_a_pickle_is_still_described(worker: FakeWorker) -> None:
    ending, body, _ = worker.call("fail_with_unpicklable")
    assert (ending["error"]["name"], ending["error"]["message"], body) == ("Unpicklable", "with a lock", b"")


def test_an_exception_of_a_local_class_comes_by_value(worker: FakeWorker) -> None:
    assert str(pickle.loads(worker.call("local_error")[1])) == "by value"


@pytest.mark.parametrize(
    ("name", "args", "raised"), [("leave", (3,), "SystemExit"), ("interrupt", (), "KeyboardInterrupt")]
)
def test_a_tool_that_wants_to_end_the_program_fails_and_the_worker_lives(
    worker: FakeWorker, name: str, args: tuple[int, ...], raised: str
) -> None:
    ending, _, started = worker.call(name, *args)
    assert (ending["type"], ending["error"]["name"], started) == ("raised", raised, True)
    assert worker.value("add", 1) == 1


def test_what_a_tool_prints_goes_to_the_host_s_standard_error_and_never_to_the_channel(
    engine: FakeEngine, worker: FakeWorker
) -> None:
    assert worker.value("shout", "hello from a tool") == "hello from a tool"
    assert engine.stderr.read_text().endswith("hello from a tool\nHELLO FROM A TOOL\nstraight to descriptor 1\n")
    assert engine.stdout.read_text() == ""


def test_what_a_tool_prints_appears_while_it_runs(engine: FakeEngine, worker: FakeWorker) -> None:
    worker.load_name("print_and_sleep")
    worker.start("print_and_sleep", "live line", 60)
    assert eventually(lambda: "live line\n" in engine.stderr.read_text())
    os.killpg(worker.pid, signal.SIGKILL)


def test_input_finds_the_end_of_the_file(worker: FakeWorker) -> None:
    assert worker.call("read_input")[0]["error"]["name"] == "EOFError"


def test_workers_do_not_draw_the_same_random_numbers(engine: FakeEngine, worker: FakeWorker) -> None:
    other = engine.fork()
    assert worker.value("draw") != other.value("draw")
    other.channel.close()
    engine.died(other)
    engine.reap(other)


def test_a_result_that_cannot_be_pickled_names_its_part(worker: FakeWorker) -> None:
    ending, body, started = worker.call("make_lock")
    assert (ending["type"], ending["started"], started, body) == ("cannot-move", True, True, b"")
    assert ending["detail"].startswith("result['rows'][1]['connection'] (_thread.lock) cannot be pickled: TypeError")


def test_arguments_that_cannot_be_rebuilt_start_nothing(worker: FakeWorker) -> None:
    worker.load_name("add")
    worker.send({"type": "run", "callId": "c0", "attempt": 1, "nonce": "n", "key": "add"}, b"not a pickle")
    ending, _, started = worker.finish()
    assert (ending["type"], ending["started"], started) == ("cannot-move", False, False)
    assert "an argument cannot be rebuilt in the worker" in ending["detail"]


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        (pickle.dumps(("reference", "worker_tools", "no_such_tool")), "AttributeError"),
        (pickle.dumps(("reference", "no_such_module", "tool")), "ModuleNotFoundError"),
        (pickle.dumps(("value", pickle.dumps(42))), "TypeError"),
        (b"not a pickle", "UnpicklingError"),
    ],
)
def test_a_tool_that_cannot_be_loaded_starts_nothing(worker: FakeWorker, payload: bytes, error: str) -> None:
    worker.load("broken", payload)
    worker.start("broken")
    ending, _, started = worker.finish()
    assert (ending["type"], ending["error"]["name"], started) == ("load-failed", error, False)
    assert worker.value("add", 1) == 1


def test_a_tool_that_was_never_sent_starts_nothing(worker: FakeWorker) -> None:
    worker.start("unknown")
    ending, _, started = worker.finish()
    assert (ending["type"], ending["error"]["name"], started) == ("load-failed", "LookupError", False)


def test_ten_megabytes_come_back_whole(worker: FakeWorker) -> None:
    assert worker.value("make_bytes", 10_000_000) == b"x" * 10_000_000


def test_ten_megabytes_go_in_whole(worker: FakeWorker) -> None:
    assert worker.value("len_of", b"y" * 10_000_000) == 10_000_000


def test_a_result_above_the_limit_of_a_frame_is_not_sent(worker: FakeWorker) -> None:
    limit = 256 * 1024 * 1024
    ending, body, started = worker.call("make_bytes", limit)
    assert (ending["type"], ending["part"], ending["limitBytes"], body) == ("too-large", "result", limit, b"")
    assert limit < ending["observedBytes"] < limit + 1000
    assert (ending["started"], started) == (True, True)


def test_a_tool_that_closes_the_first_descriptors_is_answered(worker: FakeWorker) -> None:
    assert worker.value("close_standard_descriptors") == "answered"


def test_a_worker_whose_socket_a_tool_closes_ends(engine: FakeEngine) -> None:
    worker = engine.fork()
    worker.load_name("close_all_descriptors")
    worker.start("close_all_descriptors")
    worker.wait_until_begun()
    assert worker.ended()
    assert engine.died(worker) == {"signal": None, "exitCode": 70}
    engine.reap(worker)


def test_a_fork_that_a_tool_lets_go_does_not_answer_in_its_place(worker: FakeWorker) -> None:
    assert worker.value("come_back_from_a_fork") == worker.pid
    assert worker.value("add", 1) == 1


def test_a_worker_ends_when_its_socket_closes(engine: FakeEngine) -> None:
    worker = engine.fork()
    worker.channel.close()
    assert engine.died(worker) == {"signal": None, "exitCode": 0}
    engine.reap(worker)


def test_a_worker_that_gets_a_frame_it_does_not_know_ends(engine: FakeEngine) -> None:
    worker = engine.fork()
    worker.send({"type": "nonsense"})
    assert worker.ended()
    assert engine.died(worker) == {"signal": None, "exitCode": 70}
    engine.reap(worker)


def test_a_spinning_body_does_not_delay_another_worker(engine: FakeEngine, worker: FakeWorker) -> None:
    spinning = engine.fork()
    spinning.load_name("spin")
    spinning.start("spin")
    spinning.wait_until_begun()
    begun = time.monotonic()
    assert worker.value("add", 1) == 1
    assert time.monotonic() - begun < 5
    os.killpg(spinning.pid, signal.SIGKILL)
    assert engine.died(spinning) == {"signal": "SIGKILL", "exitCode": None}
    engine.reap(spinning)
