"""The one answer of a call, and why a call did not succeed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from endstop.errors import ToolCallError
from endstop.model_text import bounded_text
from endstop.values import shown

Status = Literal["succeeded", "failed", "rejected", "timed-out", "cancelled", "killed", "lost"]
Placement = Literal["host", "worker"]
CancelledBody = Literal["not-started", "stopped", "finished", "effect-unknown"]


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """An exception as plain data. `stack` is the traceback as text."""

    name: str
    message: str
    stack: str
    cause: ErrorInfo | None = None


@dataclass(frozen=True, slots=True)
class Crash:
    """How a worker's process ended; at most one of the two is known."""

    signal: str | None
    exit_code: int | None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a call did not succeed.

    `code` is stable (protocol/codes.json), `message` is for the developer, `for_model` for the model; `path` has the
    tools from the root of the call tree to this call; `elapsed_ms` counts from submission; `attempts` is the number of
    bodies that were started. `body`, of a cancelled call: it did not begin, goes on no more (it may have had effects
    before), ran to its own end all the same, or may still be running. `retry_after_ms`: when the same call has a
    chance, where that is known. `option`: the one that says where the limit is, such as "same_call_reject"; None where
    there is no such option.
    """

    code: str
    message: str
    for_model: str
    retryable: bool
    call_id: str
    tool: str
    path: tuple[str, ...]
    elapsed_ms: float
    attempts: int
    error: ErrorInfo | None = None
    crash: Crash | None = None
    body: CancelledBody | None = None
    retry_after_ms: float | None = None
    option: str | None = None


@dataclass(frozen=True, slots=True)
class ObservedRejection:
    """A rejection that was decided and not carried out: the mode is "observe"."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """The one answer of a call.

    `value` is what the body returned: the same object on the host, rebuilt from a worker. `exception` is what the body
    raised: the same object on the host; from a worker it is rebuilt, its `__cause__` shows the worker's traceback.
    `notice` is a text for the model to read beside the result. `observed`: what would have been rejected, had the mode
    not been "observe". `failure` is None exactly if the call succeeded. `max_result_bytes`: how much of it a model
    reads, None is all.
    """

    status: Status
    call_id: str
    tool: str
    path: tuple[str, ...]
    elapsed_ms: float
    attempts: int
    placement: Placement | None
    notice: str | None = None
    value: Any = None
    failure: Failure | None = None
    exception: BaseException | None = field(default=None, compare=False)
    observed: tuple[ObservedRejection, ...] = ()
    max_result_bytes: int | None = None

    @property
    def for_model(self) -> str:
        """What a model reads: the text of the failure, or `str(value)`, with the notice. Never raises.

        Past the tool's `max_result` it is the size and the beginning; `value` has the whole.
        """
        whole = self.failure.for_model if self.failure is not None else shown(self.value)
        return self.with_notice(self.bounded(whole))

    def bounded(self, text: str) -> str:
        """A text of this call, at most as large as a model reads of one result."""
        return bounded_text(self.tool, text, self.max_result_bytes)

    def with_notice(self, text: str) -> str:
        return f"{text}\n\n{self.notice}" if self.notice else text

    @property
    def succeeded(self) -> bool:
        return self.failure is None

    def unwrap(self) -> Any:
        """The value of a call that succeeded. Raises ToolCallError, from the body's own exception if there is one."""
        if self.failure is None:
            return self.value
        raise ToolCallError(self) from self.exception


def outcome_from_header(
    header: Mapping[str, Any], value: Any = None, exception: BaseException | None = None
) -> Outcome:
    """The `outcome` object of the protocol, with what only this process has: the value and the exception."""
    failure = header.get("failure")
    observed = header.get("observed")
    return Outcome(
        header["status"],
        header["callId"],
        header["tool"],
        tuple(header["path"]),
        header["elapsedMs"],
        header["attempts"],
        header["placement"],
        header["notice"],
        value if failure is None else None,
        None if failure is None else _failure_from(failure),
        exception,
        observed_from(observed) if observed else (),
        header.get("maxResultBytes"),
    )


def observed_from(observed: Iterable[Mapping[str, str]]) -> tuple[ObservedRejection, ...]:
    return tuple(ObservedRejection(each["code"], each["message"]) for each in observed)


def error_info_from(error: Mapping[str, Any]) -> ErrorInfo:
    cause = error.get("cause")
    return ErrorInfo(error["name"], error["message"], error["stack"], None if cause is None else error_info_from(cause))


def _failure_from(failure: Mapping[str, Any]) -> Failure:
    error, crash, option = failure.get("error"), failure.get("crash"), failure.get("option")
    return Failure(
        code=failure["code"],
        message=failure["message"],
        for_model=failure["forModel"],
        retryable=failure["retryable"],
        call_id=failure["callId"],
        tool=failure["tool"],
        path=tuple(failure["path"]),
        elapsed_ms=failure["elapsedMs"],
        attempts=failure["attempts"],
        error=None if error is None else error_info_from(error),
        crash=None if crash is None else Crash(crash["signal"], crash["exitCode"]),
        body=failure.get("body"),
        retry_after_ms=failure.get("retryAfterMs"),
        option=None if option is None else re.sub("(?=[A-Z])", "_", option).lower(),
    )
