"""Cancelling: each outcome says what is known of the body, soon, and nothing is left waiting."""

from __future__ import annotations

import asyncio
import contextvars
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from endstop import Outcome, ToolExecutor
from tests.support import worker_tools

SOON_S = 1.0
"""As promised; tests allow twice that, for a machine that has other work."""


def body_of(outcome: Outcome) -> str | None:
    assert outcome.status == "cancelled", outcome
    assert outcome.failure is not None
    return outcome.failure.body


class Calls:
    """Calls in threads of their own, in one run."""

    def __init__(self, executor: ToolExecutor) -> None:
        self.outcomes: dict[str, Outcome] = {}
        self._executor = executor
        self._threads: list[threading.Thread] = []

    def start(self, tool: str, context: Any, **args: Any) -> None:
        def call() -> None:
            self.outcomes[tool] = self._executor.try_execute_tool(tool, args)

        thread = threading.Thread(target=context.copy().run, args=(call,))
        thread.start()
        self._threads.append(thread)

    def join(self, within_s: float) -> float:
        """Waits for all outcomes, and says how long it took."""
        began = time.monotonic()
        for thread in self._threads:
            thread.join(max(0.0, within_s - (time.monotonic() - began)))
        assert not any(thread.is_alive() for thread in self._threads), self.outcomes
        return time.monotonic() - began


def until(condition: Callable[[], Any]) -> None:
    give_up_at = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < give_up_at
        time.sleep(0.01)


began: list[str] = []


def sleep_in_python() -> None:
    began.append("sleep_in_python")
    for _ in range(30_000):
        time.sleep(0.001)


def sleep_in_c() -> None:
    time.sleep(1.5)


def finish_all_the_same() -> str:
    began.append("finish_all_the_same")
    asked_at = None
    while asked_at is None or time.monotonic() < asked_at + 0.2:
        try:
            time.sleep(0.01)
        except BaseException:  # it will not be stopped
            asked_at = asked_at or time.monotonic()
    return "done"


def test_a_cancelled_run_ends_its_calls_within_a_second_and_each_says_what_is_known_of_its_body(
    executor: ToolExecutor,
) -> None:
    bodies: list[str] = []
    began.clear()

    def waits() -> None:
        bodies.append("waits")

    executor.register(sleep_in_python)
    executor.register(sleep_in_python, name="no_deadline", timeout=None)
    executor.register(sleep_in_c)
    executor.register(finish_all_the_same, cancel_grace="900ms")
    executor.register(worker_tools.sleep, name="in_worker", placement="worker")
    executor.register(sleep_in_python, name="holder", resources=["key"])
    executor.register(waits, resources=["key"])
    calls = Calls(executor)
    with executor.run() as run:
        context = contextvars.copy_context()
        calls.start("in_worker", context, seconds=60)
        until(lambda: any(call.ran_ms is not None for call in executor.calls_in_flight()))
        for tool in ("sleep_in_python", "no_deadline", "finish_all_the_same", "holder"):
            calls.start(tool, context)
        until(lambda: len(began) == 4)
        calls.start("sleep_in_c", context)
        until(lambda: sum(call.ran_ms is not None for call in executor.calls_in_flight()) == 6)
        calls.start("waits", context)
        until(lambda: len(executor.calls_in_flight()) == 7)
        assert {call.run for call in executor.calls_in_flight()} == {run}
        executor.cancel(run)
        took_s = calls.join(5)
        after = executor.try_execute_tool("sleep_in_c")
    assert took_s < 2 * SOON_S
    assert {tool: body_of(outcome) for tool, outcome in calls.outcomes.items()} == {
        "sleep_in_python": "stopped",
        "no_deadline": "stopped",
        "sleep_in_c": "effect-unknown",
        "finish_all_the_same": "finished",
        "holder": "stopped",
        "in_worker": "stopped",
        "waits": "not-started",
    }
    assert bodies == []
    assert after.failure is not None
    assert after.failure.code == "run-ended"
    assert executor.stats().total.by_code == {"cancelled": 7, "run-ended": 1}


def test_one_call_can_be_cancelled_with_what_its_body_calls_and_its_neighbour_goes_on(executor: ToolExecutor) -> None:
    def outer() -> None:
        executor.execute_tool("in_worker", {"seconds": 60})

    executor.register(outer)
    executor.register(worker_tools.sleep, name="in_worker", placement="worker")
    executor.register(lambda: time.sleep(2) or "fine", name="neighbour")
    calls = Calls(executor)
    for tool in ("outer", "neighbour"):
        calls.start(tool, contextvars.copy_context())
    until(lambda: any(call.tool == "in_worker" and call.ran_ms is not None for call in executor.calls_in_flight()))
    (call_id,) = (call.call_id for call in executor.calls_in_flight() if call.tool == "outer")
    executor.cancel(call_id)
    executor.cancel("a name that nobody has")
    calls.join(5)
    assert body_of(calls.outcomes["outer"]) == "stopped"
    assert executor.stats().tools["in_worker"].by_status == {"cancelled": 1}
    assert calls.outcomes["neighbour"].value == "fine"
    with pytest.raises(TypeError, match="got 7"):
        executor.cancel(7)  # type: ignore[arg-type]


def test_a_worker_call_is_cancelled_by_its_id(executor: ToolExecutor) -> None:
    executor.register(worker_tools.sleep, name="in_worker", placement="worker")
    executor.execute_tool("in_worker", {"seconds": 0})  # a worker has the tool, so that the next body begins at once
    calls = Calls(executor)
    calls.start("in_worker", contextvars.copy_context(), seconds=60)
    until(lambda: any(call.ran_ms is not None for call in executor.calls_in_flight()))
    executor.cancel(executor.calls_in_flight()[0].call_id)
    assert calls.join(5) < 2 * SOON_S
    assert body_of(calls.outcomes["in_worker"]) == "stopped"


def test_asyncio_calls_are_cancelled_by_their_run_and_by_their_task(executor: ToolExecutor) -> None:
    began: list[str] = []

    async def wait_for_ever() -> None:
        began.append("in the loop")
        await asyncio.sleep(60)

    def sleep_and_tell() -> None:
        began.append("on a thread")
        sleep_in_python()

    executor.register(wait_for_ever)
    executor.register(sleep_and_tell)

    async def main() -> None:
        with executor.run() as run:
            pending = [
                asyncio.ensure_future(executor.atry_execute_tool(tool)) for tool in ("wait_for_ever", "sleep_and_tell")
            ]
            await asyncio.to_thread(until, lambda: len(began) == 2)
            cancelled_at = time.monotonic()
            executor.cancel(run)
            outcomes = await asyncio.gather(*pending)
            assert time.monotonic() - cancelled_at < 2 * SOON_S
            assert [body_of(outcome) for outcome in outcomes] == ["stopped", "stopped"]
        task = asyncio.ensure_future(executor.atry_execute_tool("wait_for_ever"))
        await asyncio.to_thread(until, lambda: len(began) == 3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.to_thread(until, lambda: not executor.calls_in_flight())

    asyncio.run(main())


def test_an_interrupted_batch_cancels_what_runs(executor: ToolExecutor) -> None:
    began: list[str] = []
    stopped: list[str] = []

    def patient() -> None:
        try:
            began.append("patient")
            sleep_in_python()
        except BaseException:
            stopped.append("patient")
            raise

    executor.register(patient)
    executor.register(worker_tools.sleep, name="in_worker", placement="worker")

    def interrupt() -> None:
        until(lambda: began and sum(call.ran_ms is not None for call in executor.calls_in_flight()) == 2)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    interrupter = threading.Thread(target=interrupt)
    interrupter.start()
    with pytest.raises(KeyboardInterrupt):
        executor.execute_batch([{"tool": "patient"}, {"tool": "in_worker", "args": {"seconds": 60}}])
    interrupted_at = time.monotonic()
    until(lambda: not executor.calls_in_flight() and stopped)
    assert time.monotonic() - interrupted_at < 2 * SOON_S
    interrupter.join()
