"""Runs a body for a task of the caller's loop: coroutines in that loop, plain functions on a body thread."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import threading
import time
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import Any, NamedTuple

from endstop.host.bodies import GOES_ON, LOOK_S, BodyEnd, body_threads, how_it_ended, known_of, start_clock
from endstop.host.cancelling import Cancellation
from endstop.host.left_threads import leave_threads
from endstop.host.threads import Job, Key
from endstop.host.waiting import BodyClock
from endstop.values import is_plain

Then = Callable[[Callable[[], Any]], Any]
_AS_IT_IS: Then = lambda body: body()  # noqa: E731

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 1.0
_PATIENCE_AT_THE_END_S = 0.5


class LeftAlone(NamedTuple):
    """An async body that goes on after its deadline, or is still being cancelled."""

    key: Key
    call_id: str
    since_s: float
    """The instant (monotonic) at which its caller left."""


# asyncio holds tasks weakly.
tasks_left_alone: dict[asyncio.Future[Any], LeftAlone] = {}


def left_alone() -> list[tuple[asyncio.Future[Any], LeftAlone]]:
    """Of every loop of this process."""
    return list(tasks_left_alone.items())


async def run_async(
    body: Callable[[], Any],
    context: Context,
    limit_ms: float | None,
    key: Key,
    call_id: str = "",
    cancellation: Cancellation | None = None,
    grace_ms: float = 0.0,
    *,
    then: Then = _AS_IT_IS,
) -> BodyEnd:
    """Returns at the deadline, even if the body swallows its cancellation: then it is cancelled again and again.

    `then` is given what returns the body's value or raises its exception, and its value is the end's: on a body thread
    under the same deadline, unless the value is plain data.

    Cancelling it cancels the body. After a request of `cancellation` the body has `grace_ms` to end.

    A plain function that returns an awaitable is called on a body thread, and what it returns is awaited here.
    Raises RuntimeError if no thread can be started: no body ran then.
    """
    clock = start_clock(context)
    owner = LeftAlone(key, call_id, 0.0)
    limit_s = None if limit_ms is None else limit_ms / 1_000
    wish = _Wish(cancellation or Cancellation(), grace_ms / 1_000, then)
    if wish.cancellation.requested:
        return BodyEnd(cancelled="not-started")
    if _makes_a_coroutine(body):
        return await _run_awaitable(body, context, clock, limit_s, owner, wish)
    end = await _run_on_thread(lambda: _unless_awaitable(body, then), context, clock, limit_s, owner, wish)
    if inspect.isawaitable(end.value):
        awaitable = end.value
        return await _run_awaitable(lambda: awaitable, context, clock, limit_s, owner, wish)
    return end


class _Wish(NamedTuple):
    cancellation: Cancellation
    grace_s: float
    then: Then


def _unless_awaitable(body: Callable[[], Any], then: Then) -> Any:
    awaitables: list[Any] = []

    def plain() -> Any:
        value = body()
        if not inspect.isawaitable(value):
            return value
        awaitables.append(value)
        return None

    end = then(plain)
    return awaitables[0] if awaitables else end


class _Left(NamedTuple):
    exception: BaseException


async def _contained(make: Callable[[], Awaitable[Any]]) -> Any:
    """What would end the loop ends the body: only a Ctrl-C, which comes in the main thread, goes on."""
    try:
        return await make()
    except (SystemExit, KeyboardInterrupt) as exception:
        if isinstance(exception, KeyboardInterrupt) and threading.current_thread() is threading.main_thread():
            raise
        return _Left(exception)


def _makes_a_coroutine(body: Any) -> bool:
    while isinstance(body, functools.partial):
        body = body.func
    return inspect.iscoroutinefunction(body) or inspect.iscoroutinefunction(getattr(body, "__call__", None))  # noqa: B004


async def _run_awaitable(
    make: Callable[[], Awaitable[Any]],
    context: Context,
    clock: BodyClock,
    limit_s: float | None,
    owner: LeftAlone,
    wish: _Wish,
) -> BodyEnd:
    loop = asyncio.get_running_loop()
    cancelled: asyncio.Future[None] = loop.create_future()
    # A task copies the context in which it is made.
    task = context.run(lambda: loop.create_task(_contained(make)))
    try:
        wish.cancellation.on_request(lambda: _wake(loop, cancelled))
        ended = await _wait(task, clock, limit_s, cancelled)
        if cancelled.done() and not task.done():
            return await _cancelled(task, owner, wish.grace_s)
    except BaseException:  # the caller was cancelled
        _leave_alone(task, owner)
        raise
    finally:
        wish.cancellation.on_request(None)
    used_s = clock.used_s()
    if not ended:
        _leave_alone(task, owner)
        return BodyEnd(expired_ms=used_s * 1_000)
    if limit_s is not None and used_s > limit_s:
        _leave_alone(task, owner)
        return BodyEnd(expired_ms=used_s * 1_000)
    if task.cancelled():
        return BodyEnd(exception=asyncio.CancelledError("the body cancelled itself"))
    if task.exception() is None and is_plain(task.result()):
        return BodyEnd(wish.then(task.result))
    return await _run_on_thread(lambda: wish.then(lambda: _result(task)), context, clock, limit_s, owner, wish)


def _result(task: asyncio.Future[Any]) -> Any:
    value = task.result()
    if isinstance(value, _Left):
        raise value.exception
    return value


async def _cancelled(task: asyncio.Future[Any], owner: LeftAlone, grace_s: float) -> BodyEnd:
    """Asks the body to stop, and says what it did by the end of the grace."""
    _leave_alone(task, owner)
    await asyncio.wait({task}, timeout=grace_s)
    if not task.done():
        return BodyEnd(cancelled=GOES_ON)
    return BodyEnd(cancelled="stopped" if task.cancelled() else "finished")


async def _run_on_thread(
    body: Callable[[], Any],
    context: Context,
    clock: BodyClock,
    limit_s: float | None,
    owner: LeftAlone,
    wish: _Wish,
) -> BodyEnd:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def tell() -> None:
        _wake(loop, done)

    job = Job(body, context, clock, tell, key=owner.key, call_id=owner.call_id)
    body_threads.start(job)
    try:
        wish.cancellation.on_request(lambda: body_threads.cancel(job))
        await _wait(done, clock, limit_s)
    except BaseException:  # the caller was cancelled
        body_threads.abandon(job)
        raise
    finally:
        wish.cancellation.on_request(None)
    end = how_it_ended(job, clock, limit_s)
    if end.cancelled is not None:
        give_up_at = time.monotonic() + wish.grace_s
        while (end := BodyEnd(cancelled=known_of(job))).cancelled == GOES_ON and time.monotonic() < give_up_at:  # noqa: ASYNC110  # a thread that was left tells nobody
            await asyncio.sleep(LOOK_S)
    return end


async def _wait(
    future: asyncio.Future[Any],
    clock: BodyClock,
    limit_s: float | None,
    cancelled: asyncio.Future[None] | None = None,
) -> bool:
    """False if the deadline came first, or `cancelled` was resolved."""
    watched = {future} if cancelled is None else {future, cancelled}
    while not future.done():
        if cancelled is not None and cancelled.done():
            return False
        left_s = None if limit_s is None else limit_s - clock.used_s()
        if left_s is not None and left_s <= 0:
            return False
        await asyncio.wait(watched, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
    return True


def _leave_alone(task: asyncio.Future[Any], owner: LeftAlone) -> None:
    if task.get_loop().is_closed():
        return  # nobody runs it any more, nor can cancel it
    tasks_left_alone[task] = owner._replace(since_s=time.monotonic())
    if not task.done():
        leave_threads(task.get_loop())
    _keep_apart(task)
    task.add_done_callback(_forget)
    _cancel(task, _FIRST_PAUSE_S)


def _keep_apart(task: asyncio.Future[Any]) -> None:
    """`asyncio.run` ends all tasks that it knows, and waits: for this body by another one, and not for ever."""
    if not isinstance(task, asyncio.Task) or task.done():
        return
    unregister = getattr(asyncio.tasks, "_unregister_task", None)  # what other event loops use, too
    if unregister is None:
        return
    unregister(task)
    keeper = task.get_loop().create_task(_wait_a_little(task))
    for each in (task, keeper):
        each._log_destroy_pending = False  # type: ignore[union-attr]  # the loop may be closed meanwhile


async def _wait_a_little(task: asyncio.Future[Any]) -> None:
    try:
        await asyncio.wait({task})
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=_PATIENCE_AT_THE_END_S)
        raise


def _cancel(task: asyncio.Future[Any], pause_s: float) -> None:
    if not task.done():
        task.cancel()
        task.get_loop().call_later(pause_s, _cancel, task, min(pause_s * 2, _LONGEST_PAUSE_S))


def _forget(task: asyncio.Future[Any]) -> None:
    tasks_left_alone.pop(task, None)
    if not task.cancelled():
        task.exception()  # looked at, so that asyncio does not report it


def _wake(loop: asyncio.AbstractEventLoop, future: asyncio.Future[None]) -> None:
    # A loop that was closed meanwhile has nobody who waits.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(_resolve, future)


def _resolve(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)
