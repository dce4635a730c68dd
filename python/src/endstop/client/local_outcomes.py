"""Outcomes that the client builds itself, from the same table of codes: the engine was lost, or is turned off."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from endstop._codes import CODES, Code
from endstop._options import MAX_RESULT_BYTES
from endstop.outcome import CancelledBody, Failure, Outcome, Placement, Status, error_info_from, observed_from
from endstop.redaction import names_to_redact, redact_error, redact_text, secrets_of


@dataclass(slots=True)
class CallFacts:
    """What the client knows of a call without the engine. `started_s` is a monotonic instant."""

    call_id: str
    tool: str
    placement: Placement
    limits: Mapping[str, Any] = field(default_factory=dict)
    """What the tool, else its engine, says, as it goes over the wire."""
    input: Any = None
    """Encoded, or as it was given where it has no encoding."""
    started_s: float = field(default_factory=time.monotonic)

    @property
    def is_repeatable(self) -> bool:
        """Whether a second body with the same input does no harm: the tool is read-only or idempotent."""
        return bool(self.limits.get("readOnly") or self.limits.get("idempotent"))

    @property
    def max_result_bytes(self) -> int | None:
        """How much of a result a model reads; None is all."""
        default = MAX_RESULT_BYTES[self.limits.get("preset", "standard")]
        return self.limits.get("maxResultBytes", default)  # type: ignore[no-any-return]  # of the wire

    @property
    def secrets(self) -> list[str]:
        """The values of the input that are to be written nowhere."""
        return secrets_of(self.input, names_to_redact(self.limits))

    @property
    def elapsed_ms(self) -> float:
        return round((time.monotonic() - self.started_s) * 1_000, 3)


def success(facts: CallFacts, value: Any, *, attempts: int = 1) -> Outcome:
    return Outcome(
        status="succeeded",
        call_id=facts.call_id,
        tool=facts.tool,
        path=(facts.tool,),
        elapsed_ms=facts.elapsed_ms,
        attempts=attempts,
        placement=facts.placement,
        value=value,
        max_result_bytes=facts.max_result_bytes,
    )


def success_as_told(facts: CallFacts, told: Mapping[str, Any] | None, elapsed_ms: float, value: Any) -> Outcome:
    """By the `ifReturned` of the call's admission."""
    assert told is not None
    observed = told.get("observed")
    return Outcome(
        "succeeded",
        facts.call_id,
        facts.tool,
        tuple(told["path"]),
        elapsed_ms,
        told["attempts"],
        facts.placement,
        None,
        value,
        None,
        None,
        observed_from(observed) if observed else (),
        told["maxResultBytes"],
    )


def failure(
    code: str,
    facts: CallFacts,
    *,
    attempts: int,
    detail: str = "",
    limit: str = "",
    observed: str = "",
    exception: BaseException | None = None,
    error: dict[str, Any] | None = None,
    body: CancelledBody | None = None,
) -> Outcome:
    """`limit`, `observed` and `detail` fill the code's texts. No secret of the input stands in them."""
    entry = CODES[code]
    if detail or error:
        secrets, redact = facts.secrets, names_to_redact(facts.limits)
        detail = redact_text(detail, secrets, redact)
        error = error and redact_error(error, secrets, redact)
    texts = {
        "tool": facts.tool,
        "limit": limit,
        "observed": observed,
        "detail": detail,
        "retryAfter": "a while",
        "orWait": "",
    }
    for_model = _text_by_what_is_known(entry, facts, has_started=attempts > 0)
    elapsed_ms = facts.elapsed_ms
    return Outcome(
        status=cast(Status, entry.status),
        call_id=facts.call_id,
        tool=facts.tool,
        path=(facts.tool,),
        elapsed_ms=elapsed_ms,
        attempts=attempts,
        placement=facts.placement,
        exception=exception,
        failure=Failure(
            code=code,
            message=entry.message.format_map(texts),
            for_model=for_model.format_map(texts),
            retryable=entry.retryable,
            option=entry.option,
            call_id=facts.call_id,
            tool=facts.tool,
            path=(facts.tool,),
            elapsed_ms=elapsed_ms,
            attempts=attempts,
            error=None if error is None else error_info_from(error),
            body=body,
        ),
    )


def _text_by_what_is_known(entry: Code, facts: CallFacts, *, has_started: bool) -> str:
    if not has_started and entry.not_started is not None:
        return entry.not_started
    if facts.placement == "worker":
        return entry.repeatable_worker if facts.is_repeatable else entry.for_model_worker
    return entry.repeatable_host if facts.is_repeatable else entry.for_model_host


def raised(facts: CallFacts, exception: BaseException, error: dict[str, Any]) -> Outcome:
    """The outcome of a body that raised; `error` describes its exception."""
    name, message = error["name"], error["message"]
    detail = f"{name}: {message}" if message else name
    return failure("tool-error", facts, attempts=1, detail=detail, exception=exception, error=error)
