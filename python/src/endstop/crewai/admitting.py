"""Asks the engine about a call, or decides without it where there is none and may be none."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Mapping
from typing import Any, Literal

from crewai.tools.tool_failure import ToolExecutionFailedError, ToolFailure, ToolFailureRecord

from endstop.client.local_ticket import LocalTicket
from endstop.client.session import CallRequest, Session, Ticket
from endstop.crewai.fallback import Fallback
from endstop.errors import EngineError
from endstop.outcome import Outcome

WithoutEngine = Literal["plain", "fail"]
Admission = Ticket | LocalTicket | Outcome


class NoEngineError(EngineError, ToolExecutionFailedError):
    """The engine cannot be used, and `install(fallback="fail")` was said. CrewAI lets its kind through everywhere."""

    def __init__(self, code: str, message: str) -> None:
        EngineError.__init__(self, code, message)
        self.record = ToolFailureRecord(tool_name="", failure=ToolFailure(message=message, code=code))


class Admitting:
    """One session's admissions. Once it does without the engine, it does so for good."""

    def __init__(self, session: Session, options: Mapping[str, Any], without_engine: WithoutEngine) -> None:
        self._session = session
        self._options = options
        self._without_engine = without_engine
        self._lock = threading.Lock()
        self.fallback: Fallback | None = None

    def ask(self, call: CallRequest, policy: Mapping[str, Any]) -> Admission:
        """`policy` is the tool's own. Raises NoEngineError where there must be an engine."""
        if self.fallback is None:
            try:
                return self._session.submit(call)
            except EngineError as problem:
                self._go_on_without(problem)
        return self._known_fallback.admit(call, policy)

    async def ask_async(self, call: CallRequest, policy: Mapping[str, Any]) -> Admission:
        """The same without blocking the loop."""
        if self.fallback is None:
            try:
                return await self._session.submit_async(call)
            except EngineError as problem:
                self._go_on_without(problem)
        return self._known_fallback.admit(call, policy)

    def require_engine(self) -> None:
        """Before a run: where there must be an engine, it is started now. Raises NoEngineError."""
        if self._without_engine == "fail":
            try:
                self._session.connection()
            except EngineError as problem:
                raise self._refusal(problem) from problem

    @property
    def _known_fallback(self) -> Fallback:
        assert self.fallback is not None
        return self.fallback

    def _go_on_without(self, problem: EngineError) -> None:
        if self._without_engine == "fail":
            raise self._refusal(problem) from problem
        with self._lock:
            if self.fallback is not None:
                return
            bodies = self._session.started_bodies()
            self.fallback = Fallback(problem, self._session.name, self._options, bodies)
        warnings.warn(
            "endstop.crewai goes on without its engine: tools run in this process, with their deadlines and numbers "
            "of uses, and without every other limit (loops, recursion, budgets, workers). install() again once this is "
            f'mended, or install(fallback="fail") to refuse instead. {problem}',
            RuntimeWarning,
            stacklevel=2,
        )

    def _refusal(self, problem: EngineError) -> NoEngineError:
        return NoEngineError(problem.code, f'{problem}\nNo tool runs without the engine: fallback="fail" was said.')
