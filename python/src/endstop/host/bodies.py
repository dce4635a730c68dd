"""Runs a body in this process, and answers at its deadline whether the body has ended or not."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass
from typing import Any

from endstop.host.cancelling import Cancellation
from endstop.host.stopping import BodyStopped, StopPoint
from endstop.host.threads import BodyThreads, Job, Key
from endstop.host.waiting import WAITING_WATCHES, BodyClock, current_clock
from endstop.host.watch import Watch

# While a person is being waited for, the deadline is looked at this often.
_STANDING_CLOCK_S = 0.05
# The same for whether a cancelled body has stopped.
LOOK_S = 0.002
GOES_ON = "effect-unknown"
"""What is known of a body that has not ended."""

body_threads = BodyThreads()


@dataclass(slots=True)
class BodyEnd:
    """How a body ended: with a value, an exception, or (`expired_ms`) not by its deadline, after that many ms.

    `cancelled`: its call was cancelled, and this is what is known of it, in the words of the protocol.
    """

    value: Any = None
    exception: BaseException | None = None
    expired_ms: float | None = None
    cancelled: str | None = None
    no_thread: str | None = None
    """Why it was not started: no thread could be had for it."""


def run_here(body: Callable[[], Any], context: Context, cancellation: Cancellation | None = None) -> BodyEnd:
    """In the caller's thread, without a deadline. What is no Exception is in the end, too: the caller raises it.

    A cancel is an exception in this thread: a body that is in a C call hears it when that comes back.
    """
    if cancellation is None:
        cancellation = Cancellation()
    came_too_late = cancellation.requested
    if came_too_late:
        return BodyEnd(cancelled="not-started")
    point = StopPoint()
    value: Any = None
    raised: BaseException | None = None
    point.enter()
    try:
        try:
            cancellation.on_request(lambda: body_threads.stop(point))
            value = context.run(body)
        except BaseException as exception:
            raised = exception
        finally:
            point.leave()
    except BodyStopped as exception:  # it came just behind the body
        raised = exception
        point.leave()
    if cancellation.requested:
        return BodyEnd(cancelled="stopped" if isinstance(raised, BodyStopped) else "finished")
    return BodyEnd(value, raised)


def run_until(
    body: Callable[[], Any],
    context: Context,
    limit_ms: float,
    key: Key,
    call_id: str = "",
    cancellation: Cancellation | None = None,
    grace_ms: float = 0.0,
) -> BodyEnd:
    """On a body thread. Returns at the deadline; a body that goes on is asked to stop, and nobody waits for it.

    After a cancel the body has `grace_ms` to stop.

    A body that ended past its deadline has expired, even if it held the interpreter and nobody could look earlier.
    Raises RuntimeError if no thread can be started: no body ran then.
    """
    clock = start_clock(context)
    job = Job(body, context, clock, key=key, call_id=call_id)
    body_threads.start(job)
    if cancellation is not None:
        cancellation.on_request(lambda: body_threads.cancel(job))
    limit_s = left_s = limit_ms / 1_000
    try:
        while left_s > 0:
            if job.done.acquire(timeout=max(left_s, _STANDING_CLOCK_S) if clock.stands else left_s):
                if job.used_s <= limit_s and not job.is_cancelled:
                    return BodyEnd(job.value, job.exception)  # as nearly every one ends
                break
            left_s = limit_s - clock.used_s()
    except BaseException:  # a KeyboardInterrupt while the caller waits
        body_threads.abandon(job)
        raise
    end = how_it_ended(job, clock, limit_s)
    if end.cancelled is not None:
        give_up_at = time.monotonic() + grace_ms / 1_000
        while (end := BodyEnd(cancelled=known_of(job))).cancelled == GOES_ON and time.monotonic() < give_up_at:
            time.sleep(LOOK_S)
    return end


def known_of(job: Job) -> str:
    """What is known of the body of a job that was cancelled."""
    if body_threads.goes_on(job):
        return GOES_ON
    if not job.has_begun:
        return "not-started"
    return "stopped" if isinstance(job.exception, BodyStopped) else "finished"


def start_clock(context: Context) -> BodyClock:
    """The clock of a body that will run in `context`; starts now."""
    Watch.put_all_on(WAITING_WATCHES)
    clock = BodyClock(context.get(current_clock))
    context.run(current_clock.set, clock)
    return clock


def how_it_ended(job: Job, clock: BodyClock, limit_s: float | None) -> BodyEnd:
    """What became of a job whose caller does not wait any more."""
    used_s = clock.used_s()
    goes_on = body_threads.abandon(job)
    if job.is_cancelled:
        return BodyEnd(cancelled=GOES_ON)
    if goes_on or (limit_s is not None and job.used_s > limit_s):
        return BodyEnd(expired_ms=used_s * 1_000)
    return BodyEnd(job.value, job.exception)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=body_threads.forget)
