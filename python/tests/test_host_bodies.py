"""Bodies in the caller's process: answered at their deadline, in their caller's context, on a thread of their own."""

from __future__ import annotations

import asyncio
import builtins
import getpass
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar, copy_context
from typing import Any

import pytest

from endstop.host import asyncbodies, threads, waiting
from endstop.host.asyncbodies import run_async
from endstop.host.bodies import BodyEnd, body_threads, run_here, run_until
from endstop.host.stopping import BodyStopped
from endstop.host.stuck import stuck_bodies, stuck_count
from endstop.host.threads import BodyThreads
from endstop.host.watch import Watch

from .support.fake_engine import eventually

KEY = ("session", "run", "tool")
who: ContextVar[str] = ContextVar("who", default="nobody")
Hang = Callable[[], str]


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    # What a test of another file left, such as an example's tool that sleeps for a minute, is not looked at here.
    body_threads.abandoned_since.clear()
    others = set(threading.enumerate())
    yield
    assert eventually(lambda: len(body_threads.abandoned_jobs()) == 0)
    body_threads.release(())
    assert eventually(lambda: not [t for t in set(threading.enumerate()) - others if t.name.startswith("endstop-body")])
    waiting.stop_watching()


@pytest.fixture
def hang() -> Iterator[Hang]:
    """A body that waits until the test is over."""
    over = threading.Event()

    def hang() -> str:
        over.wait(60)
        return "late"

    yield hang
    over.set()


def until(body: Callable[[], Any], limit_ms: float = 60_000, key: threads.Key = KEY) -> BodyEnd:
    return run_until(body, copy_context(), limit_ms, key)


def test_a_body_that_hangs_is_answered_at_its_deadline(hang: Hang) -> None:
    begun = time.monotonic()
    end = until(hang, 100)
    assert end.expired_ms is not None
    assert end.expired_ms >= 100
    assert time.monotonic() - begun < 5
    assert len(body_threads.abandoned_jobs()) == 1


def test_a_result_after_the_deadline_is_ignored_and_its_thread_ends(hang: Hang) -> None:
    results: list[str] = []
    until(lambda: results.append(hang()), 50)
    assert results == []
    later = until(lambda: "next")
    assert (later.value, later.expired_ms) == ("next", None)


def test_a_body_that_held_the_interpreter_past_its_deadline_has_expired() -> None:
    def hold() -> str:
        interval = sys.getswitchinterval()
        sys.setswitchinterval(10)
        try:
            give_up_at = time.monotonic() + 0.3
            while time.monotonic() < give_up_at:
                pass
        finally:
            sys.setswitchinterval(interval)
        return "too late"

    end = until(hold, 50)
    assert end.value is None
    assert end.expired_ms is not None
    assert end.expired_ms >= 50


def test_values_keep_their_identity_and_exceptions_too() -> None:
    value, problem = object(), KeyError("mine")

    def fail() -> None:
        raise problem

    assert until(lambda: value).value is value
    assert until(fail).exception is problem
    assert run_here(lambda: value, copy_context()).value is value
    assert run_here(fail, copy_context()).exception is problem


@pytest.mark.parametrize("wanted", [SystemExit(3), KeyboardInterrupt(), GeneratorExit()])
def test_a_body_that_wants_to_end_the_program_ends_neither_thread_nor_process(wanted: BaseException) -> None:
    def leave() -> None:
        raise wanted

    assert until(leave).exception is wanted
    assert until(threading.get_ident).exception is None


def test_the_calls_of_one_tool_in_one_run_share_a_thread() -> None:
    first = until(threading.get_ident).value
    assert first != threading.get_ident()
    assert [until(threading.get_ident).value for _ in range(3)] == [first] * 3
    assert until(threading.get_ident, key=("session", "other run", "tool")).value != first


def test_calls_at_once_have_a_thread_each() -> None:
    both = threading.Barrier(2)
    ends: list[BodyEnd] = []

    def meet() -> int:
        both.wait(20)
        return threading.get_ident()

    callers = [threading.Thread(target=lambda: ends.append(until(meet))) for _ in range(2)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len({end.value for end in ends}) == 2


def test_an_idle_thread_ends_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "IDLE_S", 0.05)
    first = until(threading.current_thread).value
    assert eventually(lambda: not first.is_alive())
    assert until(threading.current_thread).value is not first


def test_idle_threads_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "MAX_IDLE_THREADS", 2)
    found = [until(threading.current_thread, key=("many", number)).value for number in range(4)]
    assert eventually(lambda: [thread.is_alive() for thread in found] == [True, True, False, False])


def test_a_released_run_gives_back_its_threads_and_no_others() -> None:
    mine = until(threading.current_thread).value
    other = until(threading.current_thread, key=("session", "other run", "tool")).value
    body_threads.release(("session", "run"))
    assert eventually(lambda: not mine.is_alive())
    assert other.is_alive()


def test_a_thread_that_cannot_be_started_runs_no_body(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_thread(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    ran: list[int] = []
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", no_thread)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            until(lambda: ran.append(1))
    assert ran == []


def test_context_variables_reach_the_body_and_what_it_sets_stays_there() -> None:
    token = who.set("caller")

    def body() -> str:
        found = who.get()
        who.set("body")
        return found

    try:
        assert until(body).value == "caller"
        assert run_here(body, copy_context()).value == "caller"
        assert asyncio.run(run_async(body, copy_context(), 60_000, KEY)).value == "caller"
        assert who.get() == "caller"
    finally:
        who.reset(token)


def test_a_fork_forgets_the_threads_it_does_not_have() -> None:
    mine = BodyThreads()
    mine._idle[KEY] = ["a thread of the parent"]  # type: ignore[list-item]  # as a fork would find it
    mine._lock.acquire()
    mine.forget()
    mine.release(())
    assert len(mine.abandoned_jobs()) == 0


# -- waiting for a person


@pytest.mark.parametrize(("module", "name"), [(builtins, "input"), (getpass, "getpass")])
def test_the_clock_stands_while_a_body_waits_for_a_person(
    monkeypatch: pytest.MonkeyPatch, module: Any, name: str
) -> None:
    def slow_person(_prompt: str = "") -> str:
        time.sleep(0.4)
        return "yes"

    monkeypatch.setattr(module, name, slow_person)
    end = until(lambda: getattr(module, name)("Go on? "), 200)
    waiting.stop_watching()
    assert (end.value, end.expired_ms) == ("yes", None)
    assert getattr(module, name) is slow_person


def test_the_clock_goes_on_after_a_person_has_answered(monkeypatch: pytest.MonkeyPatch, hang: Hang) -> None:
    monkeypatch.setattr(builtins, "input", lambda: time.sleep(0.2))

    def body() -> None:
        input()
        hang()

    end = until(body, 100)
    waiting.stop_watching()
    assert end.expired_ms is not None
    assert end.expired_ms >= 100


def test_a_body_within_a_body_stops_both_clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builtins, "input", lambda: time.sleep(0.4))

    def outer() -> BodyEnd:
        return until(lambda: input(), 200, ("inner",))

    end = until(outer, 200)
    waiting.stop_watching()
    assert end.expired_ms is None
    assert end.value.expired_ms is None


def test_what_somebody_put_over_our_input_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.input
    until(lambda: None)
    ours = builtins.input
    assert ours is not original

    def theirs(prompt: object = "", /) -> str:
        return ours(prompt)

    builtins.input = theirs
    try:
        waiting.stop_watching()
        assert builtins.input is theirs
    finally:
        builtins.input = original


# -- for a loop


def run(body: Callable[[], Any], limit_ms: float | None = 60_000) -> BodyEnd:
    return asyncio.run(run_async(body, copy_context(), limit_ms, KEY))


def test_a_coroutine_runs_in_the_caller_s_loop() -> None:
    async def scenario() -> bool:
        loop = asyncio.get_running_loop()

        async def body() -> bool:
            await asyncio.sleep(0)
            return asyncio.get_running_loop() is loop

        return bool((await run_async(body, copy_context(), 60_000, KEY)).value)

    assert asyncio.run(scenario())


def test_a_coroutine_past_its_deadline_is_cancelled_and_its_caller_goes_on() -> None:
    ended: list[str] = []

    async def body() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("cancelled")

    assert run(body, 50).expired_ms is not None
    assert ended == ["cancelled"]


def test_a_coroutine_that_swallows_its_cancellation_is_answered_at_its_deadline() -> None:
    async def scenario() -> tuple[BodyEnd, float]:
        stop = asyncio.Event()

        async def body() -> str:
            while not stop.is_set():
                try:
                    await asyncio.wait_for(stop.wait(), 60)
                except asyncio.CancelledError:
                    continue
            return "late"

        begun = time.monotonic()
        end = await run_async(body, copy_context(), 50, KEY)
        took_s = time.monotonic() - begun
        stop.set()
        return end, took_s

    end, took_s = asyncio.run(scenario())
    assert end.expired_ms is not None
    assert took_s < 5
    assert not asyncbodies.tasks_left_alone


def test_a_cancelled_caller_cancels_its_body() -> None:
    ended: list[str] = []

    async def body() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("cancelled")

    async def scenario() -> None:
        caller = asyncio.create_task(run_async(body, copy_context(), None, KEY))
        await asyncio.sleep(0.05)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller

    asyncio.run(scenario())
    assert ended == ["cancelled"]


def test_a_plain_function_does_not_block_the_loop(hang: Hang) -> None:
    async def scenario() -> tuple[BodyEnd, int]:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.01)
                ticks += 1

        ticking = asyncio.create_task(tick())
        end = await run_async(hang, copy_context(), 200, KEY)
        ticking.cancel()
        return end, ticks

    end, ticks = asyncio.run(scenario())
    assert end.expired_ms is not None
    assert ticks >= 3


def test_a_function_that_returns_a_coroutine_is_awaited() -> None:
    async def later() -> str:
        return "awaited"

    assert run(lambda: later()).value == "awaited"


def test_a_coroutine_that_raises_or_cancels_itself_ends_with_that() -> None:
    async def fail() -> None:
        raise KeyError("mine")

    async def give_up() -> None:
        raise asyncio.CancelledError

    assert isinstance(run(fail).exception, KeyError)
    assert isinstance(run(give_up).exception, asyncio.CancelledError)


def test_a_python_body_is_stopped_at_its_deadline() -> None:
    seen: list[BaseException] = []

    def spin() -> None:
        try:
            while True:
                pass
        except BaseException as problem:
            seen.append(problem)
            raise

    assert until(spin, 50).expired_ms is not None
    assert eventually(lambda: len(body_threads.abandoned_jobs()) == 0)
    assert [type(problem) for problem in seen] == [BodyStopped]


def test_a_body_that_swallows_the_stop_is_asked_again() -> None:
    stops = 0

    def stubborn() -> None:
        nonlocal stops
        while stops < 3:
            try:
                while True:
                    time.sleep(0.001)
            except BodyStopped:
                stops += 1

    assert until(stubborn, 50).expired_ms is not None
    assert eventually(lambda: len(body_threads.abandoned_jobs()) == 0)
    assert stops == 3


def test_a_stop_that_comes_just_as_a_body_ends_reaches_nothing_else() -> None:
    problems: list[BaseException | None] = []
    for _ in range(300):

        def brief() -> None:
            give_up_at = time.monotonic() + 0.002
            while time.monotonic() < give_up_at:
                pass

        until(brief, 2)
        problems.append(until(lambda: sum(range(200))).exception)
    assert set(problems) == {None}
    assert eventually(lambda: len(body_threads.abandoned_jobs()) == 0)


def assert_a_traced_thread_runs() -> None:
    def look() -> None:
        sys.settrace(lambda *_: None)
        sum(map(int, "123"))
        (lambda: None)()
        sys.settrace(None)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive(), "it stands still"


def test_a_debugger_does_not_stand_still_after_a_stop_that_came_as_its_body_ended() -> None:
    for _ in range(50):

        def brief() -> None:
            give_up_at = time.monotonic() + 0.002
            while time.monotonic() < give_up_at:
                pass

        until(brief, 2)
    assert eventually(lambda: len(body_threads.abandoned_jobs()) == 0)
    assert_a_traced_thread_runs()


def test_a_debugger_does_not_stand_still_while_a_stopped_body_stays_in_c(hang: Hang) -> None:
    assert until(hang, 50).expired_ms is not None
    assert len(body_threads.abandoned_jobs()) == 1
    assert_a_traced_thread_runs()


def test_stuck_bodies_are_listed_with_their_stacks_and_counted_for_their_tool(hang: Hang) -> None:
    def hang_here() -> str:
        return hang()

    run_until(hang_here, copy_context(), 50, ("session", "run", "tool"), "call-7")
    [stuck] = stuck_bodies()
    assert (stuck.tool, stuck.call_id) == ("tool", "call-7")
    assert "in hang_here" in stuck.stack
    assert stuck.thread in {thread.ident for thread in threading.enumerate()}
    assert (stuck_count("session", "tool"), stuck_count("session", "other"), stuck_count("other", "tool")) == (1, 0, 0)


def test_a_stuck_async_body_is_listed_and_cancelled_again() -> None:
    cancellations = 0

    async def body() -> None:
        nonlocal cancellations
        while cancellations < 3:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                cancellations += 1

    async def scenario() -> None:
        end = await run_async(body, copy_context(), 50, KEY, "call-8")
        assert end.expired_ms is not None
        [stuck] = stuck_bodies()
        assert (stuck.tool, stuck.call_id, stuck.thread) == ("tool", "call-8", None)
        assert "in body" in stuck.stack
        assert stuck_count("session", "tool") == 1
        for _ in range(1_000):
            if stuck_bodies():
                await asyncio.sleep(0.01)
        assert stuck_bodies() == []

    asyncio.run(scenario())
    assert cancellations == 3


def test_a_function_that_many_threads_wrap_at_once_is_wrapped_once_and_put_back() -> None:
    class Owner:
        @staticmethod
        def function() -> int:
            return 1

    def wrap(original: Callable[..., int]) -> Callable[..., int]:
        time.sleep(0.001)  # so that they meet
        return lambda: original() + 1

    before = Owner.function
    watch = Watch(Owner, "function", wrap)
    for _ in range(3):
        threads = [threading.Thread(target=lambda: Watch.put_all_on([watch])) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert Owner.function() == 2
    watch.take_off()
    assert Owner.function is before
