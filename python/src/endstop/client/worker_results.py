"""What a worker sends back, or the engine has kept, rebuilt here."""

from __future__ import annotations

import functools
import io
import pickle
from contextvars import copy_context
from typing import Any

from endstop.client import local_outcomes
from endstop.client.endings import is_ctrl_c
from endstop.client.local_outcomes import CallFacts
from endstop.client.slot import Slot
from endstop.durations import format_duration
from endstop.errorinfo import describe_exception
from endstop.host.asyncbodies import run_async
from endstop.host.bodies import BodyEnd, body_threads, run_here, run_until
from endstop.outcome import Outcome, outcome_from_header

_KEY = ("endstop", "rebuild")
# Its class may have put something else in its place.
_SET_CAUSE = BaseException.__dict__["__cause__"].__set__


class RemoteTraceback(Exception):
    """Shows a worker's traceback as the cause of the exception that was rebuilt from it."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f'\n"""\n{self.text}"""'


class _PlainUnpickler(pickle.Unpickler):
    """Rebuilds what needs no class of anybody: so nobody's code runs."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _PLAIN_CLASSES:
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name} is a class")


_PLAIN_CLASSES = frozenset(
    [("datetime", name) for name in ("date", "datetime", "time", "timedelta", "timezone")]
    + [("decimal", "Decimal"), ("uuid", "UUID"), ("uuid", "SafeUUID"), ("builtins", "complex")]
)


def rebuild(slot: Slot) -> BodyEnd:
    """What came with the outcome: plain data here, anything else as a body, in the time that the call had."""
    slot.rebuilt = end = _rebuilt_plain(slot.body)
    if end is not None:
        return end
    work, context, limit_ms = functools.partial(pickle.loads, slot.body), copy_context(), _limit_ms(slot)
    try:
        end = run_here(work, context) if limit_ms is None else run_until(work, context, limit_ms, _KEY)
    except RuntimeError as problem:
        end = BodyEnd(no_thread=str(problem))
    body_threads.release(_KEY)
    slot.rebuilt = end
    return end


async def rebuild_async(slot: Slot) -> None:
    """The same without blocking the loop; `worker_outcome` finds it."""
    slot.rebuilt = end = _rebuilt_plain(slot.body)
    if end is not None:
        return
    try:
        # Not to be awaited, even if it could be.
        end = await run_async(lambda: [pickle.loads(slot.body)], copy_context(), _limit_ms(slot), _KEY)
    except RuntimeError as problem:
        end = BodyEnd(no_thread=str(problem))
    body_threads.release(_KEY)
    if end.value is not None:
        [end.value] = end.value
    slot.rebuilt = end


def _rebuilt_plain(body: bytes) -> BodyEnd | None:
    if not body:  # `answered` brings none: the value is with the caller
        return BodyEnd()
    try:
        return BodyEnd(_PlainUnpickler(io.BytesIO(body)).load())
    except Exception:  # it needs a class, or is no pickle: that is found out under the deadline
        return None


def _limit_ms(slot: Slot) -> float | None:
    assert slot.outcome is not None
    limit_ms: float | None = slot.outcome.get("rebuildMs")
    return limit_ms


def worker_outcome(slot: Slot, facts: CallFacts) -> Outcome:
    """The outcome of a call whose body did not run here; `cannot-move` if its result cannot be rebuilt here."""
    assert slot.outcome is not None
    header = slot.outcome["outcome"]
    failure = header.get("failure")
    if header["status"] == "succeeded":
        end = slot.rebuilt or rebuild(slot)
        if end.exception is None and end.expired_ms is None and end.no_thread is None:
            return outcome_from_header(header, end.value)
        if _limit_ms(slot) is None and is_ctrl_c(end):
            raise KeyboardInterrupt
        error = None if end.exception is None else describe_exception(end.exception)
        if error is not None:
            why = f"{error['name']}: {error['message']}"
        else:
            why = end.no_thread or f"not within {format_duration(end.expired_ms or 0)}"
        detail = f"the result cannot be rebuilt here: {why}"
        return local_outcomes.failure(
            "cannot-move", facts, attempts=header["attempts"], detail=detail, exception=end.exception, error=error
        )
    if failure is not None and failure["code"] == "tool-error" and header["attempts"] > 0:
        return outcome_from_header(header, exception=_exception(failure.get("error"), slot))
    return outcome_from_header(header)


def _exception(error: dict[str, Any] | None, slot: Slot) -> BaseException:
    remote = RemoteTraceback(error["stack"] if error is not None else "")
    exception = (slot.rebuilt or rebuild(slot)).value
    # Its class may not exist here; the error of the failure says all that is known.
    if not isinstance(exception, BaseException):
        return remote
    _SET_CAUSE(exception, remote)
    return exception
