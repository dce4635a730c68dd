"""Whatever happens in a worker: its call has an outcome, nothing of it lives on, and the next call works."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from endstop import Outcome, ToolCallError, ToolExecutor
from endstop import frames as frames_module
from endstop.client.engine import shared_engine
from tests.outside import tools
from tests.outside.programs import Programs
from tests.support.fake_engine import eventually, state_of
from tests.support.leaks import LeakDetector

# The promise is 1.5 s on an idle machine; the machines that run the tests may be slow.
ANSWERED_WITHIN_S = 3.0


@pytest.fixture
def workers(executor: ToolExecutor) -> ToolExecutor:
    """An executor with the misbehaving tools, and a worker that is ready."""
    for tool in (
        tools.exit_at_once,
        tools.signal_itself,
        tools.segfault,
        tools.close_everything,
        tools.add,
        tools.length,
        tools.make_text,
        tools.connection,
    ):
        executor.register(tool, placement="worker")
    executor.register(tools.hang, placement="worker", timeout="1s")
    assert executor.execute_tool("add", {"a": 1, "b": 1}) == 2
    return executor


def code_of(outcome: Outcome) -> str:
    assert outcome.failure is not None, outcome
    return outcome.failure.code


def works(executor: ToolExecutor) -> bool:
    return bool(executor.execute_tool("add", {"a": 20, "b": 22}) == 42)


@pytest.mark.parametrize(
    ("tool", "args", "signal", "exit_code"),
    [
        ("exit_at_once", {"code": 7}, None, 7),
        ("exit_at_once", {"code": 0}, None, 0),
        ("segfault", {}, "SIGSEGV", None),
        ("signal_itself", {"name": "SIGKILL"}, "SIGKILL", None),
        ("signal_itself", {"name": "SIGABRT"}, "SIGABRT", None),
    ],
)
def test_a_worker_that_ends_is_a_crash_with_its_signal_or_exit_code(
    workers: ToolExecutor, tool: str, args: dict[str, Any], signal: str | None, exit_code: int | None
) -> None:
    outcome = workers.try_execute_tool(tool, args)
    assert (outcome.status, code_of(outcome), outcome.attempts) == ("failed", "worker-crashed", 1)
    assert outcome.failure is not None
    assert outcome.failure.crash is not None
    assert (outcome.failure.crash.signal, outcome.failure.crash.exit_code) == (signal, exit_code)
    assert str(signal or exit_code) in outcome.failure.message
    assert works(workers)


def test_a_worker_whose_descriptors_a_tool_closes_is_a_crash(workers: ToolExecutor) -> None:
    assert code_of(workers.try_execute_tool("close_everything")) == "worker-crashed"
    assert works(workers)


def test_a_crash_hits_only_its_own_call(workers: ToolExecutor) -> None:
    calls = [("segfault", {}) if number % 4 == 0 else ("add", {"a": number, "b": 0}) for number in range(16)]
    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(lambda call: workers.try_execute_tool(*call), calls))
    for number, outcome in enumerate(outcomes):
        if number % 4 == 0:
            assert code_of(outcome) == "worker-crashed"
        else:
            assert outcome.value == number


@pytest.mark.parametrize("how", ["waits", "spins", "holds the interpreter lock"])
def test_a_tool_that_hangs_is_killed_with_its_grandchildren_wherever_they_went(
    workers: ToolExecutor, tmp_path: Path, how: str
) -> None:
    pids = tmp_path / "pids"
    begun = time.monotonic()
    outcome = workers.try_execute_tool("hang", {"how": how, "pids": str(pids)})
    assert time.monotonic() - begun < ANSWERED_WITHIN_S
    assert (outcome.status, outcome.attempts) == ("timed-out", 1)
    family = [int(pid) for pid in pids.read_text().split()]
    assert len(family) == 4
    assert eventually(lambda: all(state_of(pid) is None for pid in family))
    assert time.monotonic() - begun < ANSWERED_WITHIN_S + 0.5
    assert works(workers)


@pytest.mark.parametrize("argument", [{"a": 1, "b": {"deep": [0, os.scandir]}}, {"a": os, "b": 1}])
def test_an_argument_that_can_move_is_an_error_of_the_tool_only(workers: ToolExecutor, argument: Any) -> None:
    assert code_of(workers.try_execute_tool("add", argument)) == "tool-error"


def test_an_argument_that_cannot_move_names_its_part_and_starts_nothing(workers: ToolExecutor) -> None:
    with open(os.devnull, "wb") as file:
        outcome = workers.try_execute_tool("add", {"a": 1, "b": {"files": [file]}})
    assert (outcome.status, code_of(outcome), outcome.attempts) == ("failed", "cannot-move", 0)
    assert outcome.failure is not None
    assert "args.b['files'][0]: _io.BufferedWriter" in outcome.failure.message
    assert works(workers)


def test_a_result_that_cannot_move_names_its_part(workers: ToolExecutor) -> None:
    outcome = workers.try_execute_tool("connection")
    assert (code_of(outcome), outcome.attempts) == ("cannot-move", 1)
    assert outcome.failure is not None
    assert "result['socket'] (socket.socket)" in outcome.failure.message
    assert works(workers)


def test_a_tool_that_cannot_move_names_its_part_and_starts_nothing(executor: ToolExecutor) -> None:
    with open(os.devnull, "wb") as file:
        executor.register(lambda: file.write(b""), name="write", placement="worker", max_calls=1)
        outcomes = [executor.try_execute_tool("write") for _ in range(2)]
    assert [code_of(outcome) for outcome in outcomes] == ["cannot-move"] * 2
    assert outcomes[0].failure is not None
    assert "tool.file: _io.BufferedWriter" in outcomes[0].failure.message


def test_a_default_placement_passes_over_what_cannot_move_unless_it_has_limits_of_workers(
    leaks: LeakDetector, caplog: pytest.LogCaptureFixture
) -> None:
    with open(os.devnull, "wb") as file, ToolExecutor(placement="worker") as executor:
        executor.register(os.getpid, name="pid")
        assert executor.execute_tool("pid") != os.getpid()
        executor.register(lambda: file.write(b"x"), name="write")
        executor.register(lambda: file.write(b"x"), name="bounded", cpu_time="1s")
        outcomes = [executor.try_execute_tool(name) for name in ("write", "bounded")]
        assert executor.describe("write")["placement"].value == "host"
    shared_engine().end("the test is over")
    assert outcomes[0].succeeded, outcomes[0]
    assert code_of(outcomes[1]) == "cannot-move"
    assert "write runs on the host, where it cannot be stopped" in caplog.text
    assert "_io.BufferedWriter" in caplog.text


def test_an_input_larger_than_a_frame_s_header_still_reaches_its_tool(workers: ToolExecutor) -> None:
    text = "x" * (frames_module.MAX_HEADER_BYTES + 1)
    assert workers.execute_tool("length", {"text": text}) == len(text)
    workers.register(tools.length, name="here")
    assert workers.execute_tool("here", {"text": text}) == len(text)


def test_an_input_larger_than_a_frame_is_refused_with_both_figures(
    workers: ToolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames_module, "MAX_BODY_BYTES", 1_000_000)
    outcome = workers.try_execute_tool("length", {"text": "x" * 1_000_000})
    assert (code_of(outcome), outcome.attempts) == ("too-large", 0)
    assert outcome.failure is not None
    assert "The input of length is" in outcome.failure.message
    assert works(workers)


def test_a_large_result_comes_back_whole(workers: ToolExecutor) -> None:
    assert len(workers.execute_tool("make_text", {"characters": 50_000_000})) == 50_000_000


def test_a_module_that_a_worker_cannot_import_shows_its_own_traceback(programs: Programs) -> None:
    programs.run(
        """
        import importlib, pathlib, time, traceback
        from endstop import ToolCallError, ToolExecutor

        module = pathlib.Path("fragile_tools.py")
        module.write_text("def lookup(key): return key")
        pathlib.Path("good_tools.py").write_text("def lookup(key): return key")
        import fragile_tools, good_tools

        module.write_text("def connect():\\n    return {}['the password']\\n\\nconnect()\\ndef lookup(key): return key")
        with ToolExecutor() as executor:
            executor.register(fragile_tools.lookup, name="fragile", placement="worker", max_calls=1)
            executor.register(good_tools.lookup, name="good", placement="worker")
            for _ in range(2):
                outcome = executor.try_execute_tool("fragile", {"key": 1})
                assert (outcome.status, outcome.failure.code, outcome.attempts) == ("failed", "tool-load-failed", 0)
                error = outcome.failure.error
                assert (error.name, error.message) == ("KeyError", "'the password'")
                assert 'fragile_tools.py", line 2, in connect' in error.stack, error.stack
                assert "importlib" not in error.stack
                assert "KeyError: 'the password'" in outcome.failure.message
            assert executor.execute_tool("good", {"key": 2}) == 2
            # The fault is mended: the next call after a second tries again.
            module.write_text("def lookup(key): return key + 1")
            time.sleep(1.1)
            assert executor.execute_tool("fragile", {"key": 1}) == 2
            assert executor.execute_tool("good", {"key": 3}) == 3
        """
    )


def test_what_a_worker_writes_to_stdout_reaches_the_host_s_standard_error_and_disturbs_no_protocol(
    programs: Programs,
) -> None:
    finished = programs.run(
        """
        from endstop import ToolExecutor
        from tests.outside import tools

        with ToolExecutor() as executor:
            executor.register(tools.write_frames_to_stdout, placement="worker")
            for _ in range(2):
                assert executor.execute_tool("write_frames_to_stdout") == "unharmed"
        """
    )
    assert finished.stderr == "\0\0\0\x10\0\0\0\0{}not a frame\n" * 2
    assert finished.stdout == ""


def test_a_failure_of_a_worker_is_raised_with_its_outcome(workers: ToolExecutor) -> None:
    with pytest.raises(ToolCallError) as found:
        workers.execute_tool("exit_at_once", {"code": 3})
    assert found.value.failure.code == "worker-crashed"
    assert found.value.outcome.failure is found.value.failure


def test_what_ended_in_time_is_not_late_since_the_engine_was_busy(workers: ToolExecutor) -> None:
    """Also where its result takes the engine several looks to read."""
    workers.register(tools.sleep_then_make, placement="worker", timeout="0.6s")
    assert len(workers.execute_tool("sleep_then_make", {"seconds": 0, "characters": 1})) == 1
    connection = shared_engine().live_connection
    assert connection is not None
    for characters in (10, 30_000_000):
        outcomes: list[Outcome] = []
        arguments = {"seconds": 0.3, "characters": characters}
        call = threading.Thread(
            target=lambda given, told=outcomes: told.append(workers.try_execute_tool(*given)),
            args=[("sleep_then_make", arguments)],
        )
        call.start()
        time.sleep(0.15)
        os.kill(connection.process.pid, signal.SIGSTOP)
        time.sleep(0.8)
        os.kill(connection.process.pid, signal.SIGCONT)
        call.join(30)
        assert [outcome.status for outcome in outcomes] == ["succeeded"], (characters, outcomes)


def test_waiting_for_a_worker_is_bounded_by_wait_timeout_and_counted(programs: Programs) -> None:
    programs.run(
        """
        import os, pathlib, threading, time
        from endstop import ToolExecutor

        pathlib.Path("slow_tools.py").write_text("import time\\ndef nap(s): time.sleep(s)")
        import slow_tools

        with ToolExecutor() as executor:
            executor.register(slow_tools.nap, name="nap", placement="worker")
            executor.register(slow_tools.nap, name="quick", placement="worker", wait_timeout="500ms", timeout="700ms")
            executor.execute_tool("nap", {"s": 0})
            # More than a machine of any size runs at once.
            places = max(4, os.cpu_count() or 1)
            nap_for = lambda s: executor.try_execute_tool("nap", {"s": s})
            naps = [threading.Thread(target=nap_for, args=(4 + n / 100,)) for n in range(places)]
            for nap in naps: nap.start()
            while executor.stats().workers.busy < places: time.sleep(0.05)
            outcomes = []
            quick = lambda: outcomes.append(executor.try_execute_tool("quick", {"s": 0}))
            waits = threading.Thread(target=quick)
            waits.start()
            while executor.stats().waiting != 1: time.sleep(0.01)
            waits.join()
            assert (outcomes[0].failure.code, outcomes[0].attempts) == ("wait-timed-out", 0), outcomes[0]
            assert executor.stats().waiting == 0
            for nap in naps: nap.join()
        """
    )
