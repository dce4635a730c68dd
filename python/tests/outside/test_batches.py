"""Batches of calls and concurrency limits, as a user of ToolExecutor has them."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from typing import Any

import pytest

from endstop import Outcome, ToolExecutor
from endstop.client.engine import shared_engine
from tests.outside import tools


class Meter:
    """A tool that notes how many of its bodies run at once, and in which order they began."""

    def __init__(self, seconds: float = 0.02) -> None:
        self.seconds = seconds
        self.most = 0
        self.began: list[Any] = []
        self._running = 0
        self._lock = threading.Lock()

    def __call__(self, n: Any = None) -> Any:
        with self._lock:
            self._running += 1
            self.most = max(self.most, self._running)
            self.began.append(n)
        time.sleep(self.seconds)
        with self._lock:
            self._running -= 1
        return n


def codes(outcomes: list[Outcome]) -> list[str]:
    return ["succeeded" if outcome.failure is None else outcome.failure.code for outcome in outcomes]


def fail() -> None:
    raise ValueError("no")


def test_a_batch_gives_its_outcomes_in_order_and_keeps_the_order_it_names(executor: ToolExecutor) -> None:
    meter = Meter()
    executor.register(meter, name="note")
    outcomes = executor.execute_batch(
        [
            {"tool": "note", "args": {"n": "report"}, "after": ["left", "right"]},
            {"tool": "note", "args": {"n": "left"}, "name": "left"},
            {"tool": "note", "args": {"n": "right"}, "name": "right"},
        ]
    )
    assert [outcome.value for outcome in outcomes] == ["report", "left", "right"]
    assert sorted(meter.began[:2]) == ["left", "right"]
    assert meter.began[2] == "report"


def test_what_comes_after_a_failure_is_rejected_unless_it_says_else(executor: ToolExecutor) -> None:
    meter = Meter()
    executor.register(fail)
    executor.register(meter, name="note")
    outcomes = executor.execute_batch(
        [
            {"tool": "fail", "name": "first"},
            {"tool": "note", "args": {"n": 1}, "name": "second", "after": ["first"]},
            {"tool": "note", "args": {"n": 2}, "after": ["second"]},
            {"tool": "note", "args": {"n": 3}, "after": ["first"], "after_failure": "run"},
        ]
    )
    assert codes(outcomes) == ["tool-error", "dependency-failed", "dependency-failed", "succeeded"]
    assert outcomes[2].failure is not None
    assert "it comes after second" in outcomes[2].failure.message
    assert meter.began == [3]


@pytest.mark.parametrize(
    ("calls", "error", "text"),
    [
        ([{"tool": "note", "name": "a", "after": ["a"]}], ValueError, "cycle: a → a"),
        ([{"tool": "note", "after": ["b"]}], ValueError, "no call of that name"),
        ([{"tool": "note", "name": "a"}, {"tool": "note", "name": "a"}], ValueError, "two calls named 'a'"),
        ([{"tool": "note", "arguments": {}}], TypeError, "has no 'arguments'. Did you mean args"),
        ([{"args": {}}], TypeError, "tool must be a text, got None"),
        ([{"tool": "note", "args": 3}], TypeError, "args must be a dict"),
        ([{"tool": "note", "after": "a"}], TypeError, "after must be a list"),
        ([{"tool": "note", "after_failure": "skip"}], ValueError, "got 'skip'"),
        ({"tool": "note"}, TypeError, "calls must be a list"),
    ],
)  # fmt: skip
def test_a_batch_that_makes_no_sense_starts_nothing(
    executor: ToolExecutor, calls: Any, error: type[Exception], text: str
) -> None:
    meter = Meter()
    executor.register(meter, name="note")
    more = [{"tool": "note"}, *calls] if isinstance(calls, list) else calls
    with pytest.raises(error, match=text):
        executor.execute_batch(more)
    with pytest.raises(error, match=text):
        asyncio.run(executor.aexecute_batch(more))
    assert meter.began == []


def test_an_empty_batch_has_no_outcomes(executor: ToolExecutor) -> None:
    assert executor.execute_batch([]) == []
    assert asyncio.run(executor.aexecute_batch([])) == []


def test_one_hung_tool_of_five_ends_at_its_deadline_and_the_others_before(executor: ToolExecutor) -> None:
    executor.register(tools.note_then_sleep, timeout=0.4, placement="worker")
    executor.register(tools.add)
    began_s = time.monotonic()
    outcomes = executor.execute_batch(
        [
            {"tool": "note_then_sleep", "args": {"path": os.devnull, "seconds": 30}},
            *({"tool": "add", "args": {"a": n, "b": 0}} for n in range(4)),
        ]
    )
    assert codes(outcomes) == ["timed-out", *["succeeded"] * 4]
    assert all(outcome.elapsed_ms < outcomes[0].elapsed_ms for outcome in outcomes[1:])
    assert time.monotonic() - began_s < 10


def test_calls_of_a_batch_belong_to_the_run_they_were_made_in(executor: ToolExecutor) -> None:
    executor.register(Meter(0), name="note", max_calls_per_run=2)
    for _ in range(2):
        with executor.run():
            outcomes = executor.execute_batch([{"tool": "note", "args": {"n": n}} for n in range(4)])
        assert sorted(codes(outcomes)) == ["succeeded", "succeeded", "usage-limit", "usage-limit"]


def test_concurrency_limits_hold_for_threads_and_tasks(executor: ToolExecutor) -> None:
    one, few, free = Meter(), Meter(), Meter()
    executor.register(one, name="one", max_concurrent=1)
    executor.register(few, name="few", max_concurrent=3)
    executor.register(free, name="free")
    calls = [{"tool": tool, "args": {"n": n}} for n in range(12) for tool in ("one", "few", "free")]
    assert set(codes(executor.execute_batch(calls))) == {"succeeded"}
    assert set(codes(asyncio.run(executor.aexecute_batch(calls)))) == {"succeeded"}
    assert (one.most, few.most) == (1, 3)
    assert free.most > 3


def test_the_limit_over_all_tools_and_resources_hold() -> None:
    with ToolExecutor(max_total_concurrent=4, resources={"pool": 2}) as executor:
        both = Meter()
        everything = Meter()

        def count(n: int) -> Any:
            return everything(n)

        executor.register(lambda n: (both(n), count(n)), name="read", resources=["pool"])
        executor.register(lambda n: (both(n), count(n)), name="write", resources=["pool"])
        executor.register(lambda n: count(n), name="free")
        calls = [{"tool": tool, "args": {"n": n}} for n in range(6) for tool in ("read", "write", "free")]
        assert set(codes(executor.execute_batch(calls))) == {"succeeded"}
        assert both.most == 2
        assert everything.most <= 4
        limits = executor.describe("read")
        assert limits["resources"].value == ("pool",)
        assert limits["max_total_concurrent"].value == 4
    shared_engine().end("the test is over")


def test_a_call_that_waits_too_long_is_told_so_and_did_not_run(executor: ToolExecutor) -> None:
    meter = Meter(0.6)
    executor.register(meter, name="slow", max_concurrent=1, wait_timeout="100ms", timeout=None)
    outcomes = executor.execute_batch([{"tool": "slow", "args": {"n": n}} for n in range(2)])
    assert sorted(codes(outcomes)) == ["succeeded", "wait-timed-out"]
    assert len(meter.began) == 1


def test_a_waiting_call_can_be_cancelled_and_never_runs(executor: ToolExecutor) -> None:
    meter = Meter(0.3)
    executor.register(meter, name="slow", max_concurrent=1)

    async def cancel_the_second() -> None:
        first = asyncio.create_task(executor.atry_execute_tool("slow", {"n": 1}))
        await asyncio.sleep(0.1)
        second = asyncio.create_task(executor.atry_execute_tool("slow", {"n": 2}))
        await asyncio.sleep(0.1)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        assert (await first).value == 1
        assert (await executor.atry_execute_tool("slow", {"n": 3})).value == 3

    asyncio.run(cancel_the_second())
    assert meter.began == [1, 3]


def test_cancelling_a_batch_cancels_its_calls(executor: ToolExecutor) -> None:
    began: list[int] = []
    two_began = asyncio.Event()

    async def wait(n: int) -> None:
        began.append(n)
        if len(began) == 2:
            two_began.set()
        await asyncio.sleep(30)

    executor.register(wait, max_concurrent=2)

    async def cancel() -> None:
        batch = asyncio.create_task(executor.aexecute_batch([{"tool": "wait", "args": {"n": n}} for n in range(5)]))
        await two_began.wait()
        batch.cancel()
        with pytest.raises(asyncio.CancelledError):
            await batch

    asyncio.run(cancel())
    assert sorted(began) == [0, 1]


def test_a_nested_call_that_would_wait_for_its_own_caller_is_refused_at_once(executor: ToolExecutor) -> None:
    both_began = threading.Barrier(2)

    def crossing(other: str) -> Any:
        def body(leaf: bool = False) -> Any:
            if leaf:
                return "leaf"
            both_began.wait(10)
            return executor.try_execute_tool(other, {"leaf": True})

        return body

    executor.register(crossing("b"), name="a", max_concurrent=1)
    executor.register(crossing("a"), name="b", max_concurrent=1)
    outcomes = executor.execute_batch([{"tool": "a"}, {"tool": "b"}])
    assert sorted(codes([outcome.value for outcome in outcomes])) == ["deadlock", "succeeded"]


def test_a_batch_without_an_engine_keeps_its_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENDSTOP", "0")
    with ToolExecutor() as executor:
        executor.register(fail)
        executor.register(tools.add)
        outcomes = executor.execute_batch(
            [
                {"tool": "fail", "name": "first"},
                {"tool": "add", "args": {"a": 1, "b": 2}, "after": ["first"]},
                {"tool": "add", "args": {"a": 1, "b": 2}},
            ]
        )
    assert codes(outcomes) == ["tool-error", "dependency-failed", "succeeded"]


def test_calls_that_wait_go_on_waiting_at_the_next_engine_when_theirs_is_killed(executor: ToolExecutor) -> None:
    meter = Meter(0.4)
    executor.register(meter, name="slow", max_concurrent=1)

    def kill_engine() -> None:
        while not meter.began:
            time.sleep(0.01)
        connection = shared_engine().live_connection
        assert connection is not None
        connection.process.kill()

    killer = threading.Thread(target=kill_engine)
    killer.start()
    with executor.run():
        outcomes = executor.execute_batch([{"tool": "slow", "args": {"n": n}} for n in range(4)])
    killer.join()
    assert codes(outcomes) == ["succeeded"] * 4
    assert sorted(meter.began) == [0, 1, 2, 3]
    assert meter.most <= 2  # the one that was running is not counted by the next engine
