"""What a worker sends back, or the engine has kept, rebuilt here."""

from __future__ import annotations

import pickle
from typing import Any

from endstop.client import local_outcomes
from endstop.client.local_outcomes import CallFacts
from endstop.errorinfo import describe_exception
from endstop.outcome import Outcome, outcome_from_header


class RemoteTraceback(Exception):
    """Shows a worker's traceback as the cause of the exception that was rebuilt from it."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f'\n"""\n{self.text}"""'


def worker_outcome(header: dict[str, Any], body: bytes, facts: CallFacts) -> Outcome:
    """The outcome of a call whose body did not run here; `cannot-move` if its result cannot be rebuilt here."""
    if header["status"] == "succeeded":
        try:
            # `answered` brings no body: the value is with the caller.
            value = pickle.loads(body) if body else None
        except Exception as problem:  # unpickling runs code of the value's classes
            detail = f"the result cannot be rebuilt here: {type(problem).__name__}: {problem}"
            return local_outcomes.failure(
                "cannot-move",
                facts,
                attempts=header["attempts"],
                detail=detail,
                exception=problem,
                error=describe_exception(problem),
            )
        return outcome_from_header(header, value)
    failure = header.get("failure")
    if failure is not None and failure["code"] == "tool-error" and header["attempts"] > 0:
        return outcome_from_header(header, exception=_exception(failure.get("error"), body))
    return outcome_from_header(header)


def _exception(error: dict[str, Any] | None, body: bytes) -> BaseException:
    remote = RemoteTraceback(error["stack"] if error is not None else "")
    try:
        exception = pickle.loads(body) if body else None
    except Exception:  # its class may not exist here; the error of the failure says all that is known
        return remote
    if not isinstance(exception, BaseException):
        return remote
    exception.__cause__ = remote
    return exception
