"""Runs one body and says how it ended."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from endstop.errorinfo import describe_exception
from endstop.values import digest, preview
from endstop.worker import moving


class Ended(NamedTuple):
    """An ending of the protocol, and the pickle that goes with it."""

    ending: dict[str, Any]
    pickled: bytes = b""


def run_body(body: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], limit_bytes: int) -> Ended:
    """Calls the body; a coroutine is run to its end in an event loop of its own.

    Whatever it raises is its ending, SystemExit and KeyboardInterrupt too: a tool does not end the worker.
    """
    try:
        result = body(*args, **kwargs)
        if hasattr(type(result), "__await__"):
            result = _run_awaitable(result)
        pickled = moving.dump(result, "result")
        if len(pickled) > limit_bytes:
            return Ended(_too_large(len(pickled), limit_bytes))
        return Ended({"type": "returned", "digest": digest(result), "preview": preview(result)}, pickled)
    except moving.CannotMove as problem:
        return Ended(cannot_move(problem, started=True))
    except BaseException as problem:
        return Ended({"type": "raised", "error": describe_exception(problem)}, _pickled_exception(problem, limit_bytes))


def cannot_move(problem: moving.CannotMove, *, started: bool) -> dict[str, Any]:
    return {"type": "cannot-move", "detail": str(problem), "started": started}


def _too_large(observed_bytes: int, limit_bytes: int) -> dict[str, Any]:
    return {
        "type": "too-large",
        "part": "result",
        "observedBytes": observed_bytes,
        "limitBytes": limit_bytes,
        "started": True,
    }


def _run_awaitable(awaitable: Awaitable[Any]) -> Any:
    import asyncio  # slow to import, and most tools are not async

    async def wait() -> tuple[Any, BaseException | None]:
        # Carried past asyncio, whose frames would stand before the tool's own in the traceback.
        try:
            return await awaitable, None
        except BaseException as problem:
            return None, problem

    result, problem = asyncio.run(wait())
    if problem is not None:
        raise problem
    return result


def _pickled_exception(exception: BaseException, limit_bytes: int) -> bytes:
    """Empty if it cannot travel: the ending describes it in any case."""
    try:
        pickled = moving.dump(exception, "exception")
    except moving.CannotMove:
        return b""
    return pickled if len(pickled) <= limit_bytes else b""
