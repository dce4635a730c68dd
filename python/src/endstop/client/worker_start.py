"""What starts a body in a worker, and what comes back of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from endstop import frames
from endstop.client import local_outcomes
from endstop.client.connection import Connection
from endstop.client.local_outcomes import CallFacts
from endstop.client.movable import CannotMove, Movable, dump_arguments
from endstop.client.slot import Slot
from endstop.client.worker_results import worker_outcome
from endstop.errorinfo import bounded_detail
from endstop.outcome import Outcome


def outcome_from_worker(slot: Slot, facts: CallFacts) -> Outcome:
    """Of a call whose body was sent: what the worker answered, or `lost`. Raises EngineError if it was refused."""
    if slot.outcome is not None:
        return worker_outcome(slot, facts)
    slot.check()
    return local_outcomes.failure("lost", facts, attempts=1, detail=slot.lost or "its connection was lost")


def start_frames(
    connection: Connection,
    header: dict[str, Any],
    load: Movable,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    began_s: float | None = None,
) -> tuple[bytes, dict[str, Any] | None]:
    """The frames that start `load` by `header`; or none, and the ending that says why it cannot be sent.

    `began_s` is when its preparation began, which is time of the call; None is just now.
    """
    try:
        part = "tool"
        data = b""
        if load.key not in connection.loaded:
            data = frames.encode({"type": "load", "key": load.key, "modules": list(load.modules)}, load.payload)
        part = "input"
        arguments = dump_arguments(args, kwargs, connection.process.inherited.changes())
        started = {**header, "load": load.key}
        if began_s is not None:
            started["preparedMs"] = round((time.monotonic() - began_s) * 1_000, 3)
        data += frames.encode(started, arguments, max_header_bytes=connection.max_header_bytes)
    except CannotMove as problem:
        return b"", {"type": "cannot-move", "detail": bounded_detail(problem.detail), "started": False}
    except frames.FrameTooLarge as problem:
        if problem.part == "header":
            raise
        return b"", {
            "type": "too-large",
            "part": part,
            "observedBytes": problem.observed_bytes,
            "limitBytes": problem.limit_bytes,
            "started": False,
        }
    return data, None
