"""The two exceptions that this package raises of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from endstop.outcome import Failure, Outcome


class ToolCallError(Exception):
    """A call did not succeed. `outcome` is its outcome, `failure` says why; `__cause__` is the body's own exception."""

    def __init__(self, outcome: Outcome) -> None:
        failure = outcome.failure
        if failure is None:
            raise ValueError(f"the call of {outcome.tool} succeeded")
        super().__init__(failure.message)
        self.outcome = outcome
        self.failure: Failure = failure

    def __reduce__(self) -> tuple[type[ToolCallError], tuple[Outcome]]:
        return type(self), (self.outcome,)


class EngineError(RuntimeError):
    """The engine itself cannot be found, started or used. `code` is stable; the message lists what was tried.

    Codes: `node-not-found`, `engine-not-built`, `engine-start-failed`, `engine-lost`, `engine-refused`,
    `interpreter-ending`.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code

    def __reduce__(self) -> tuple[type[EngineError], tuple[str, str]]:
        return type(self), (self.code, str(self))
