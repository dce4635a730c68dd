"""What an outcome becomes: a value for an agent, an exception for code that calls a tool itself."""

from __future__ import annotations

from typing import Any

from crewai.tools.tool_failure import ToolFailure, ToolFailureReason

from endstop.errorinfo import is_readable
from endstop.outcome import Failure, Outcome

_REASONS = {
    "invalid-input": ToolFailureReason.INVALID_INPUT,
    "unknown-tool": ToolFailureReason.UNKNOWN_TOOL,
    "usage-limit": ToolFailureReason.USAGE_LIMIT,
    # CrewAI has known this reason only since it looks for repetition itself.
    "repeated-call": getattr(ToolFailureReason, "REPEATED_CALL", ToolFailureReason.EXCEPTION),
}


def tool_failure(failure: Failure) -> ToolFailure:
    """The failure as CrewAI's own machinery reads it: never cached, never an answer, subject to the failure policy."""
    return ToolFailure(
        message=failure.for_model,
        reason=_REASONS.get(failure.code, ToolFailureReason.EXCEPTION),
        code=failure.code,
        retryable=failure.retryable,
        details={
            "message": failure.message,
            "call_id": failure.call_id,
            "path": list(failure.path),
            "elapsed_ms": failure.elapsed_ms,
            "attempts": failure.attempts,
        },
    )


def deliver(outcome: Outcome, *, to_agent: bool) -> Any:
    """The value, or the failure in the form its reader expects. The tool's own exception stays the same object.

    Not what would end the crew: a SystemExit, a KeyboardInterrupt that the body made, a text that raises one. The
    agent reads of it. A Ctrl-C does not come here.
    """
    failure = outcome.failure
    if failure is None:
        return outcome.value
    exception = outcome.exception
    if failure.code == "tool-error" and exception is not None and not (to_agent and _ends_a_crew(exception)):
        raise exception
    return tool_failure(failure) if to_agent else outcome.unwrap()


def _ends_a_crew(exception: BaseException) -> bool:
    """Whether CrewAI, which reads the text of an Exception and goes on, lets this one through."""
    return not isinstance(exception, Exception) or not is_readable(exception)
