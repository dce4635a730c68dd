"""Runs a body in this process, and answers at its deadline whether the body has ended or not."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass
from typing import Any

from endstop.host.threads import BodyThreads, Job, Key
from endstop.host.waiting import BodyClock, current_clock, watch_for_waiting

# While a person is being waited for, the deadline is looked at this often.
_STANDING_CLOCK_S = 0.05

body_threads = BodyThreads()


@dataclass(slots=True)
class BodyEnd:
    """How a body ended: with a value, an exception, or (`expired_ms`) not by its deadline, after that many ms."""

    value: Any = None
    exception: BaseException | None = None
    expired_ms: float | None = None


def run_here(body: Callable[[], Any], context: Context) -> BodyEnd:
    """In the caller's thread, without a deadline. What is no Exception is in the end, too: the caller raises it."""
    try:
        return BodyEnd(value=context.run(body))
    except BaseException as exception:
        return BodyEnd(exception=exception)


def run_until(body: Callable[[], Any], context: Context, limit_ms: float, key: Key, call_id: str = "") -> BodyEnd:
    """On a body thread. Returns at the deadline; a body that goes on is asked to stop, and nobody waits for it.

    A body that ended past its deadline has expired, even if it held the interpreter and nobody could look earlier.
    Raises RuntimeError if no thread can be started: no body ran then.
    """
    clock = start_clock(context)
    job = Job(body, context, clock, key=key, call_id=call_id)
    body_threads.start(job)
    limit_s = limit_ms / 1_000
    try:
        while (left_s := limit_s - clock.used_s()) > 0:
            if job.done.acquire(timeout=max(left_s, _STANDING_CLOCK_S) if clock.stands else left_s):
                break
    except BaseException:  # a KeyboardInterrupt while the caller waits
        body_threads.abandon(job)
        raise
    return how_it_ended(job, clock, limit_s)


def start_clock(context: Context) -> BodyClock:
    """The clock of a body that will run in `context`; starts now."""
    watch_for_waiting()
    clock = BodyClock(context.get(current_clock))
    context.run(current_clock.set, clock)
    return clock


def how_it_ended(job: Job, clock: BodyClock, limit_s: float | None) -> BodyEnd:
    """What became of a job whose caller does not wait any more."""
    used_s = clock.used_s()
    if body_threads.abandon(job) or (limit_s is not None and job.used_s > limit_s):
        return BodyEnd(expired_ms=used_s * 1_000)
    return BodyEnd(job.value, job.exception)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=body_threads.forget)
