"""Bodies that go on in this process although their call has its outcome."""

from __future__ import annotations

import asyncio
import sys
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any

from endstop.host.asyncbodies import left_alone, tasks_left_alone
from endstop.host.bodies import body_threads


@dataclass(frozen=True)
class StuckBody:
    """`overdue_s`: since its caller left. `thread`: the number of its thread; None for a task of a loop.

    `stack`: where it stands, as in a traceback; empty if that cannot be seen.
    """

    tool: str
    call_id: str
    overdue_s: float
    thread: int | None
    stack: str


def stuck_bodies() -> list[StuckBody]:
    """The bodies of this process that passed their deadline, or were cancelled, and have not stopped; the oldest first.

    Each was asked to stop (an exception in its thread, or `task.cancel()`) and is asked again. A body in a C call that
    does not come back cannot hear it: in a worker (`placement="worker"`) it would have been killed.
    """
    now = time.monotonic()
    frames = sys._current_frames()
    found = []
    for job, since_s in body_threads.abandoned_jobs():
        ident = job.stop_point.ident
        frame = frames.get(ident) if ident is not None else None
        stack = "".join(traceback.format_stack(frame)) if frame is not None else ""
        found.append(StuckBody(_tool_of(job.key), job.call_id, now - since_s, ident, stack))
    for task, (key, call_id, since_s) in left_alone():
        stack = ""
        if isinstance(task, asyncio.Task):
            stack = "".join("".join(traceback.format_stack(frame, limit=1)) for frame in _frames_of(task.get_coro()))
        found.append(StuckBody(_tool_of(key), call_id, now - since_s, None, stack))
    return sorted(found, key=lambda body: -body.overdue_s)


def stuck_count(session: str, tool: str) -> int:
    """Stuck bodies of one tool of a session. Costs next to nothing while there are none."""
    if not body_threads.abandoned_since and not tasks_left_alone:
        return 0
    keys = [job.key for job, _ in body_threads.abandoned_jobs()]
    keys += [owner.key for _, owner in left_alone()]
    return sum(key[:1] == (session,) and key[-1] == tool for key in keys)


def _frames_of(awaited: Any) -> Iterator[FrameType]:
    """Where each coroutine stands of those that wait for one another, from the outermost."""
    while awaited is not None:
        kind = next((kind for kind in ("cr", "gi", "ag") if hasattr(awaited, f"{kind}_frame")), None)
        frame = None if kind is None else getattr(awaited, f"{kind}_frame")
        if frame is None:
            return
        yield frame
        awaited = getattr(awaited, "gi_yieldfrom" if kind == "gi" else f"{kind}_await")


def _tool_of(key: tuple[object, ...]) -> str:
    return str(key[-1]) if key else ""
