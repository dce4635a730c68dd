"""How a body on the host ended, as the engine is told, and what it means where no engine can be asked."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from endstop import values
from endstop.client import local_outcomes
from endstop.client.local_outcomes import CallFacts
from endstop.client.movable import CannotMove
from endstop.client.tools import Misfit
from endstop.durations import format_duration
from endstop.errorinfo import bounded_detail, describe_exception
from endstop.host.bodies import BodyEnd
from endstop.host.stopping import BodyStopped
from endstop.outcome import Outcome


class Described(NamedTuple):
    value: Any
    digest: str | None
    preview: str | None


class Raised(NamedTuple):
    exception: BaseException
    error: dict[str, Any]


def run_described(body: Callable[[], Any]) -> Described | Raised:
    """The body and what is asked of its value or exception, whose own methods may hang as the body may."""
    try:
        value = body()
    except BodyStopped:
        raise
    except BaseException as exception:  # SystemExit too: a tool does not end the program
        return describe_raised(exception)
    return describe(value)


def describe_raised(exception: BaseException) -> Raised:
    return Raised(exception, describe_exception(exception))


def is_ctrl_c(end: BodyEnd) -> bool:
    """Whether the program was interrupted. A KeyboardInterrupt comes in the main thread; elsewhere a body made it."""
    raised = end.value.exception if isinstance(end.value, Raised) else end.exception
    return isinstance(raised, KeyboardInterrupt) and threading.current_thread() is threading.main_thread()


def describe(value: Any) -> Described:
    return Described(value, values.digest(value), values.preview(value))


def ending_of(end: BodyEnd) -> tuple[dict[str, Any], Any, BaseException | None]:
    if end.no_thread is not None:
        return {"type": "not-run", "detail": f"no thread could be started: {end.no_thread}"}, None, None
    if end.cancelled is not None:
        return {"type": "cancelled", "detail": "the caller cancelled it", "body": end.cancelled}, None, None
    if end.expired_ms is not None:
        return {"type": "expired", "observedMs": round(end.expired_ms, 3)}, None, None
    described: Described | Raised = end.value if end.exception is None else describe_raised(end.exception)
    if isinstance(described, Raised):
        if isinstance(described.exception, Misfit):  # the body begins with what the tool's schema makes of its input
            return {"type": "invalid", "detail": bounded_detail(str(described.exception))}, None, None
        return {"type": "raised", "error": described.error}, None, described.exception
    return {"type": "returned", "digest": described.digest, "preview": described.preview}, described.value, None


def not_sent(end: BodyEnd) -> dict[str, Any]:
    """The ending of a call whose tool or arguments could not be made ready for a worker: no body ran."""
    ending, _, exception = ending_of(end)
    if isinstance(exception, CannotMove):
        why = exception.detail
    elif ending["type"] == "raised":
        why = f"{ending['error']['name']}: {ending['error']['message']}"
    elif ending["type"] == "expired":
        why = f"it was not ready to be sent within {format_duration(ending['observedMs'])}"
    else:
        return {**ending, "body": "not-started"} if ending["type"] == "cancelled" else ending
    return {"type": "cannot-move", "detail": bounded_detail(why), "started": False}


def outcome_without_engine(
    ending: dict[str, Any], facts: CallFacts, timeout_ms: float | None, value: Any, exception: BaseException | None
) -> Outcome:
    """The engine was lost before it could say the outcome; what happened here is known all the same."""
    kind = ending["type"]
    if kind in ("returned", "answered"):
        return local_outcomes.success(facts, value, attempts=1 if kind == "returned" else 0)
    if kind == "raised" and exception is not None:
        return local_outcomes.raised(facts, exception, ending["error"])
    if kind == "expired":
        observed = format_duration(ending["observedMs"])
        limit = format_duration(timeout_ms if timeout_ms is not None else ending["observedMs"])
        return local_outcomes.failure("timed-out", facts, attempts=1, limit=limit, observed=observed)
    if kind == "invalid":
        return local_outcomes.failure("invalid-input", facts, attempts=0, detail=ending["detail"])
    if kind == "cannot-move":
        return local_outcomes.failure("cannot-move", facts, attempts=0, detail=ending["detail"])
    if kind == "too-large":
        observed, limit = f"{ending['observedBytes']} B", f"{ending['limitBytes']} B"
        return local_outcomes.failure(
            "too-large", facts, attempts=0, detail=ending["part"], observed=observed, limit=limit
        )
    if kind == "cancelled":
        known = ending["body"]
        attempts = 0 if known == "not-started" else 1
        return local_outcomes.failure("cancelled", facts, attempts=attempts, detail=ending["detail"], body=known)
    detail = f"no body ran: {ending['detail']}"
    return local_outcomes.failure("cancelled", facts, attempts=0, detail=detail, body="not-started")
