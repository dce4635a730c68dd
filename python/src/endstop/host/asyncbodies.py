"""Runs a body for a task of the caller's loop: coroutines in that loop, plain functions on a body thread."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import time
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import Any, NamedTuple

from endstop.host.bodies import BodyEnd, body_threads, how_it_ended, start_clock
from endstop.host.threads import Job, Key
from endstop.host.waiting import BodyClock

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 1.0


class LeftAlone(NamedTuple):
    """An async body that goes on after its deadline, or is still being cancelled."""

    key: Key
    call_id: str
    since_s: float
    """The instant (monotonic) at which its caller left."""


# asyncio holds tasks weakly.
_left_alone: dict[asyncio.Future[Any], LeftAlone] = {}


def left_alone() -> list[tuple[asyncio.Future[Any], LeftAlone]]:
    """Of every loop of this process."""
    return list(_left_alone.items())


async def run_async(
    body: Callable[[], Any], context: Context, limit_ms: float | None, key: Key, call_id: str = ""
) -> BodyEnd:
    """Returns at the deadline, even if the body swallows its cancellation: then it is cancelled again and again.

    Cancelling it cancels the body.

    A plain function that returns an awaitable is called on a body thread, and what it returns is awaited here.
    Raises RuntimeError if no thread can be started: no body ran then.
    """
    clock = start_clock(context)
    owner = LeftAlone(key, call_id, 0.0)
    limit_s = None if limit_ms is None else limit_ms / 1_000
    if _makes_a_coroutine(body):
        return await _run_awaitable(body, context, clock, limit_s, owner)
    end = await _run_on_thread(body, context, clock, limit_s, owner)
    if inspect.isawaitable(end.value):
        awaitable = end.value
        return await _run_awaitable(lambda: awaitable, context, clock, limit_s, owner)
    return end


def _makes_a_coroutine(body: Any) -> bool:
    while isinstance(body, functools.partial):
        body = body.func
    return inspect.iscoroutinefunction(body) or inspect.iscoroutinefunction(getattr(body, "__call__", None))  # noqa: B004


async def _run_awaitable(
    make: Callable[[], Awaitable[Any]], context: Context, clock: BodyClock, limit_s: float | None, owner: LeftAlone
) -> BodyEnd:
    try:
        # A task copies the context in which it is made.
        task = context.run(lambda: asyncio.ensure_future(make()))
    except Exception as exception:
        return BodyEnd(exception=exception)
    try:
        ended = await _wait(task, clock, limit_s)
    except BaseException:  # the caller was cancelled
        _leave_alone(task, owner)
        raise
    used_s = clock.used_s()
    if not ended:
        _leave_alone(task, owner)
        return BodyEnd(expired_ms=used_s * 1_000)
    if limit_s is not None and used_s > limit_s:
        _leave_alone(task, owner)
        return BodyEnd(expired_ms=used_s * 1_000)
    if task.cancelled():
        return BodyEnd(exception=asyncio.CancelledError("the body cancelled itself"))
    raised = task.exception()
    return BodyEnd(exception=raised) if raised is not None else BodyEnd(value=task.result())


async def _run_on_thread(
    body: Callable[[], Any], context: Context, clock: BodyClock, limit_s: float | None, owner: LeftAlone
) -> BodyEnd:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def tell() -> None:
        # A loop that was closed meanwhile has nobody who waits.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(_resolve, done)

    job = Job(body, context, clock, tell, key=owner.key, call_id=owner.call_id)
    body_threads.start(job)
    try:
        await _wait(done, clock, limit_s)
    except BaseException:  # the caller was cancelled
        body_threads.abandon(job)
        raise
    return how_it_ended(job, clock, limit_s)


async def _wait(future: asyncio.Future[Any], clock: BodyClock, limit_s: float | None) -> bool:
    """False if the deadline came first."""
    while not future.done():
        left_s = None if limit_s is None else limit_s - clock.used_s()
        if left_s is not None and left_s <= 0:
            return False
        await asyncio.wait({future}, timeout=left_s)
    return True


def _leave_alone(task: asyncio.Future[Any], owner: LeftAlone) -> None:
    _left_alone[task] = owner._replace(since_s=time.monotonic())
    task.add_done_callback(_forget)
    _cancel(task, _FIRST_PAUSE_S)


def _cancel(task: asyncio.Future[Any], pause_s: float) -> None:
    if not task.done():
        task.cancel()
        task.get_loop().call_later(pause_s, _cancel, task, min(pause_s * 2, _LONGEST_PAUSE_S))


def _forget(task: asyncio.Future[Any]) -> None:
    _left_alone.pop(task, None)
    if not task.cancelled():
        task.exception()  # looked at, so that asyncio does not report it


def _resolve(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)
