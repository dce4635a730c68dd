"""Runs one body and says how it ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from endstop.drained import drained
from endstop.errorinfo import bounded_detail, describe_exception
from endstop.values import digest, preview
from endstop.worker import moving


class Ended(NamedTuple):
    """An ending of the protocol, and the pickle that goes with it."""

    ending: dict[str, Any]
    pickled: bytes = b""


def run_body(body: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], limit_bytes: int) -> Ended:
    """Calls the body; a coroutine is run to its end in an event loop of its own, a generator drained to a list.

    Whatever it raises is its ending, SystemExit and KeyboardInterrupt too: a tool does not end the worker.
    """
    try:
        result = drained(body(*args, **kwargs))
        pickled = moving.dump(result, "result")
        if len(pickled) > limit_bytes:
            return Ended(_too_large(len(pickled), limit_bytes))
        return Ended({"type": "returned", "digest": digest(result), "preview": preview(result)}, pickled)
    except moving.CannotMove as problem:
        return Ended(cannot_move(problem, started=True))
    except BaseException as problem:
        return Ended({"type": "raised", "error": describe_exception(problem)}, _pickled_exception(problem, limit_bytes))


def cannot_move(problem: moving.CannotMove, *, started: bool) -> dict[str, Any]:
    return {"type": "cannot-move", "detail": bounded_detail(str(problem)), "started": started}


def _too_large(observed_bytes: int, limit_bytes: int) -> dict[str, Any]:
    return {
        "type": "too-large",
        "part": "result",
        "observedBytes": observed_bytes,
        "limitBytes": limit_bytes,
        "started": True,
    }


def _pickled_exception(exception: BaseException, limit_bytes: int) -> bytes:
    """Empty if it cannot travel: the ending describes it in any case."""
    try:
        pickled = moving.dump(exception, "exception")
    except moving.CannotMove:
        return b""
    return pickled if len(pickled) <= limit_bytes else b""
