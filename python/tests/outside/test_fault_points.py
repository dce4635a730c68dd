"""SIGKILL and SIGSTOP to each process while calls are at every state: each has exactly one outcome, the right one."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from endstop import ToolExecutor
from tests.outside.programs import Programs
from tests.outside.test_engine_faults import engine_pid, nothing_runs
from tests.support import fault_tools
from tests.support.call_states import BUSY_WORKERS, PERMANENT, CallsAtEveryState
from tests.support.leaks import LeakDetector

SUCCEEDED = ("succeeded", 1)
CRASHED = ("worker-crashed", 1)

UNTOUCHED = {
    "settled": SUCCEEDED,
    "on the host": SUCCEEDED,
    "waiting for the permit": SUCCEEDED,
    "queued for a worker": SUCCEEDED,
    # No body had begun, so another worker may try.
    "loading": SUCCEEDED,
}
BODIES_CRASH = UNTOUCHED | dict.fromkeys(PERMANENT, CRASHED)
BODIES_TIME_OUT = UNTOUCHED | dict.fromkeys(PERMANENT, ("timed-out", 1)) | {"loading": ("wait-timed-out", 0)}
# What the engine had of a call in a worker went with it: nobody says whether its body had begun.
ENGINE_LOST = {name: SUCCEEDED if name in ("settled", "on the host") else ("lost", 1) for name in BODIES_CRASH}


def workers_of(calls: CallsAtEveryState) -> list[int]:
    return list(calls.pids.values())


def template_of(calls: CallsAtEveryState) -> list[int]:
    return [psutil.Process(calls.pids["running"]).ppid()]


def engine_of(_: CallsAtEveryState) -> list[int]:
    return [engine_pid()]


@pytest.mark.parametrize(
    ("who", "hit", "timeout", "expected"),
    [
        pytest.param(workers_of, signal.SIGKILL, "60s", BODIES_CRASH, id="the workers are killed"),
        pytest.param(template_of, signal.SIGKILL, "60s", BODIES_CRASH, id="the template is killed"),
        pytest.param(engine_of, signal.SIGKILL, "60s", ENGINE_LOST, id="the engine is killed"),
        pytest.param(workers_of, signal.SIGSTOP, "5s", BODIES_TIME_OUT, id="the workers stand still"),
        # The next call needs a new module of it: then the engine ends it, and its workers with it.
        pytest.param(template_of, signal.SIGSTOP, "60s", BODIES_CRASH, id="the template stands still"),
    ],
)
def test_a_fault_gives_each_call_one_outcome_at_every_state_and_the_next_call_works(
    executor: ToolExecutor,
    tmp_path: Path,
    who: Callable[[CallsAtEveryState], list[int]],
    hit: signal.Signals,
    timeout: str,
    expected: dict[str, tuple[str, int]],
) -> None:
    calls = CallsAtEveryState(executor, tmp_path, timeout)
    pids = who(calls)
    calls.fault()
    for pid in pids:
        os.kill(pid, hit)
    executor.register(fault_tools.pid, placement="worker", timeout="20s")
    if who is template_of:
        assert executor.execute_tool("pid") != os.getpid()
        ended = calls.end()
    else:
        # A call that is sent into a dead engine's pipe would be lost as well.
        ended = calls.end()
        assert executor.execute_tool("pid") not in pids
    code, attempts = ended.pop("between attempts")
    assert (code, attempts > 1) == ("succeeded", True)
    assert ended == expected


HOST_WITH_CALLS = """
import pathlib, time
from endstop import ToolExecutor
from tests.support.call_states import CallsAtEveryState

calls = CallsAtEveryState(ToolExecutor(), pathlib.Path("."), "60s")
print("ready", *calls.pids.values(), flush=True)
time.sleep(60)
"""


def test_a_killed_host_leaves_nothing_of_the_calls_at_any_state(programs: Programs, leaks: LeakDetector) -> None:
    host = programs.start(HOST_WITH_CALLS)
    workers = host.wait_for("ready").split()[1:]
    assert len(set(workers)) == BUSY_WORKERS
    assert len(leaks.processes()) >= 3 + BUSY_WORKERS, "host, engine, template and workers"
    os.kill(host.pid, signal.SIGKILL)
    host.finish()
    nothing_runs(leaks)


@pytest.mark.parametrize("ending", [False, True], ids=["killed", "killed as it ended"])
def test_a_template_that_stands_still_does_not_outlive_host_and_engine(
    programs: Programs, leaks: LeakDetector, ending: bool
) -> None:
    host = programs.start(HOST_WITH_CALLS)
    template = psutil.Process(int(host.wait_for("ready").split()[1])).parent()
    assert template is not None
    engine = template.parent()
    assert engine is not None
    template.suspend()
    if ending:
        engine.suspend()
    os.kill(host.pid, signal.SIGKILL)
    if ending:
        # An engine that sees its host's end removes its socket, and can be killed before it removes the rest.
        for path in Path(leaks.directory).rglob("*"):
            if path.is_socket():
                path.unlink()
    engine.kill()
    host.finish()
    nothing_runs(leaks)
