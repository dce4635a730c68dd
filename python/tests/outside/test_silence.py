"""One side goes silent while the other waits for it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from endstop import ToolExecutor
from endstop.client.engine import shared_engine
from endstop.client.session import CallRequest, Session, Ticket
from endstop.outcome import Outcome
from tests.outside.programs import Programs
from tests.support.fake_engine import eventually


def _stop_the_engine() -> None:
    connection = shared_engine().live_connection
    assert connection is not None
    os.kill(connection.process.pid, signal.SIGSTOP)  # type: ignore[attr-defined]  # of an engine of our own


@pytest.mark.parametrize("is_async", [False, True])
def test_an_engine_that_is_stopped_is_replaced_and_nobody_waits_for_it(executor: ToolExecutor, is_async: bool) -> None:
    def ask(tool: str, **arguments: Any) -> Any:
        if is_async:
            return asyncio.run(executor.atry_execute_tool(tool, arguments))
        return executor.try_execute_tool(tool, arguments)

    def late() -> None:
        _stop_the_engine()
        time.sleep(1)

    executor.register(late, timeout="500ms", max_calls=1)
    executor.register(lambda text="": len(text), name="measure")
    executor.register(lambda: 1, name="moved", placement="worker")
    assert [ask("measure").value, ask("moved").value] == [0, 1]
    began = time.monotonic()
    assert ask("late").status == "timed-out"
    assert time.monotonic() - began < 5
    assert ask("late").failure.code == "usage-limit"
    _stop_the_engine()
    began = time.monotonic()
    assert ask("measure", text="x" * 1_000_000).value == 1_000_000
    assert time.monotonic() - began < 5
    _stop_the_engine()
    assert ask("moved").status == "lost"
    assert ask("moved").value == 1


def test_the_call_of_a_loop_that_was_stopped_gives_its_permit_back(executor: ToolExecutor) -> None:
    async def wait() -> None:
        await asyncio.sleep(0 if tasks else 60)

    executor.register(wait, timeout="200ms", max_concurrent=1)
    loop = asyncio.new_event_loop()
    tasks: list[asyncio.Task[Any]] = []

    async def start() -> None:
        task = asyncio.create_task(executor.atry_execute_tool("wait"))
        await asyncio.sleep(0.1)
        tasks.append(task)

    loop.run_until_complete(start())
    # Nobody runs the loop any more.
    found = []
    asking = threading.Thread(target=lambda: found.append(executor.try_execute_tool("wait")))
    asking.start()
    asking.join(10)
    assert [outcome.status for outcome in found] == ["succeeded"]
    assert executor.calls_in_flight() == []
    tasks[0].cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.close()


def test_the_call_of_a_loop_that_was_closed_gives_its_permit_back_though_it_has_no_deadline(
    executor: ToolExecutor,
) -> None:
    async def wait(seconds: float) -> None:
        await asyncio.sleep(seconds)

    executor.register(wait, timeout=None, max_concurrent=1, wait_timeout="10s")
    loop = asyncio.new_event_loop()
    tasks = [loop.create_task(executor.atry_execute_tool("wait", {"seconds": 60})) for _ in range(2)]
    loop.run_until_complete(asyncio.sleep(0.3))
    loop.close()
    # One has begun, the other waits; neither is collected, and nobody runs them any more.
    assert executor.try_execute_tool("wait", {"seconds": 0}).status == "succeeded"
    assert executor.calls_in_flight() == []
    assert len(tasks) == 2


def test_a_guest_of_an_engine_that_was_stopped_is_answered_although_its_host_does_not_look(
    executor: ToolExecutor,
) -> None:
    guest = """
import os, signal, sys, time
import endstop
executor = endstop.ToolExecutor()
def stop_the_engine():
    os.kill(int(sys.argv[1]), signal.SIGSTOP)
executor.register(stop_the_engine, timeout="1s")
executor.register(lambda: 1, name="one")
began = time.monotonic()
print(*[executor.try_execute_tool(tool).status for tool in ("one", "stop_the_engine", "one")])
print(time.monotonic() - began)
"""
    said: list[str] = []

    def outer() -> None:
        pid = shared_engine().connection().process.pid
        command = [sys.executable, "-c", guest, str(pid)]
        said.extend(subprocess.run(command, timeout=30, stdout=subprocess.PIPE, text=True).stdout.splitlines())

    executor.register(outer, timeout=None)
    assert executor.try_execute_tool("outer").status == "succeeded"
    assert said[0] == "succeeded succeeded succeeded"
    assert float(said[1]) < 8


@pytest.mark.parametrize(("is_async", "engine_is_lost"), [(False, False), (True, True)])
@pytest.mark.usefixtures("executor")
def test_a_framework_s_hook_may_take_long_but_not_for_ever(is_async: bool, engine_is_lost: bool) -> None:
    session = Session({"timeoutMs": 200.0, "maxTotalConcurrent": 1})
    session.register("ask", {})
    session.register("hang", {"waitTimeoutMs": 1_500.0, "maxCalls": 1})
    ran: list[str] = []

    async def body() -> None:
        ran.append("async")

    def run(ticket: Ticket) -> Outcome:
        return asyncio.run(ticket.run_async(body)) if is_async else ticket.run(lambda: ran.append("sync"))

    def admitted(tool: str) -> Ticket:
        ticket = session.submit(CallRequest(tool))
        assert isinstance(ticket, Ticket), ticket
        return ticket

    patient = admitted("ask")
    time.sleep(2)
    if engine_is_lost:
        os.kill(shared_engine().live_connection.process.pid, signal.SIGKILL)  # type: ignore[union-attr]
    assert run(patient).status == "succeeded"
    assert len(ran) == 1
    hanging = admitted("hang")
    # It holds the only permit until then.
    assert run(admitted("ask")).status == "succeeded"
    late = run(hanging)
    assert late.failure is not None
    assert (late.status, late.failure.body) == ("cancelled", "not-started")
    assert len(ran) == 2
    assert run(admitted("hang")).status == "succeeded"
    session.close()


def test_a_person_who_takes_their_time_is_waited_for(executor: ToolExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    def slowly(prompt: str = "") -> str:
        time.sleep(3.5)
        return "yes"

    monkeypatch.setattr("builtins.input", slowly)
    executor.register(lambda: input("?"), name="ask", timeout="200ms")
    assert executor.try_execute_tool("ask").value == "yes"


@pytest.mark.parametrize(
    ("engine_does", "placement"), [("stands still", "host"), ("stands still", "worker"), ("computes", "worker")]
)
def test_an_engine_that_does_not_listen_does_not_outlive_its_host(
    programs: Programs, engine_does: str, placement: str
) -> None:
    program = programs.start(
        """
import os, signal, sys, threading, time
import endstop
from endstop.client import engine
from endstop.client.process import engine_command
from tests.support import worker_tools

engine_does, placement = sys.argv[1:]
node, *rest = engine_command()
spin = (
    "data:text/javascript,import { existsSync } from 'node:fs';"
    "setInterval(() => { if (existsSync('spin')) for (;;); }, 50).unref()"
)
preload = ["--import", spin] if engine_does == "computes" else []
shared = engine._the_engine = engine.SharedEngine(lambda: [node, *preload, *rest])
executor = endstop.ToolExecutor()
executor.register(worker_tools.sleep, name="sleep", placement=placement)
threading.Thread(target=executor.try_execute_tool, args=("sleep", {"seconds": 60}), daemon=True).start()
while placement == "worker" and not executor.stats().workers.busy:
    time.sleep(0.05)
connection = shared.connection()
time.sleep(1.2)  # its thread that looks at its parent begins later than it
if engine_does == "stands still":
    os.kill(connection.process.pid, signal.SIGSTOP)
else:
    open("spin", "w").close()
    time.sleep(0.3)
print("engine", connection.process.pid, flush=True)
time.sleep(60)
""",
        engine_does,
        placement,
    )
    engine = int(program.wait_for("engine").split()[1])
    program.process.kill()
    assert program.finish().exit_code == -signal.SIGKILL
    # Template and worker too: the leak detector finds them if they stay.
    eventually(lambda: not os.path.exists(f"/proc/{engine}"), 10)
    assert not os.path.exists(f"/proc/{engine}")
