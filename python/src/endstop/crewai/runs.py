"""Runs: one outermost kickoff is one run. In it each agent at a task, and the instant at which its own time is over."""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any

from crewai.tools.tool_failure import ToolExecutionFailedError, ToolFailure, ToolFailureReason, ToolFailureRecord

from endstop.client.session import Session
from endstop.crewai.scope import during


class Run:
    """One outermost kickoff. The engine hears of it with its first tool call."""

    _numbers = itertools.count(1)

    def __init__(self) -> None:
        self.number = next(self._numbers)
        self._lock = threading.Lock()
        self._opened: tuple[Session, str] | None = None
        self._closed = False
        self.is_cancelled = False
        """Its agents end with an error as soon as they look."""
        self.ended_by: ToolFailureRecord | None = None
        """Why each agent in it gives its final answer, or ends: it was cancelled."""

    def id(self, session: Session) -> str | None:
        """The run's id in the session; None once it is over, for what still runs in its threads."""
        with self._lock:
            if self._closed:
                return None
            if self._opened is None:
                self._opened = (session, session.open_run(joins=True))
            opened_in, run = self._opened
            return run if opened_in is session else None

    @property
    def is_over(self) -> bool:
        """Whether its kickoff has returned."""
        return self._closed

    def cancel(self) -> None:
        """Ends its tool calls in flight; there will be no further ones."""
        failure = ToolFailure(message="The run was cancelled.", reason=ToolFailureReason.EXCEPTION)
        with self._lock:
            self.is_cancelled = True
            self.ended_by = self.ended_by or ToolFailureRecord(tool_name="", failure=failure)
            if self._opened is not None and not self._closed:
                session, run = self._opened
                session.cancel(run)

    def close(self) -> None:
        """Ends the run."""
        with self._lock:
            self._closed = True
            if self._opened is not None:
                session, run = self._opened
                session.close_run(run)


class AgentAtTask:
    """One agent's work on one task. Loops are looked for in it, and it is what ends by them: the same agent at its next
    task, or at another attempt of this one, begins anew.
    """

    _numbers = itertools.count(1)

    def __init__(self) -> None:
        self.name = f"{os.getpid()}-{next(self._numbers)}"
        self.ended_by: ToolFailureRecord | None = None
        """The call whose rejection ended it: it gets no more calls and gives its final answer."""


current_run: ContextVar[Run | None] = ContextVar("endstop_crewai_run", default=None)
_agent_at_task: ContextVar[AgentAtTask | None] = ContextVar("endstop_crewai_agent_at_task", default=None)
_agent_ends_at: ContextVar[float | None] = ContextVar("endstop_crewai_agent_ends_at", default=None)
"""Instant of `time.monotonic()` at which the `max_execution_time` of the agents in this context is over."""


def current_run_id(session: Session) -> str | None:
    """The run that a call made here belongs to, or None outside of any."""
    run = current_run.get()
    return None if run is None else run.id(session)


def remaining_ms() -> float | None:
    """What is left of the agent's time, at least 0. None: it has no limit."""
    ends_at = _agent_ends_at.get()
    return None if ends_at is None else max(0.0, (ends_at - time.monotonic()) * 1000)


class AgentTimeOverError(ToolExecutionFailedError):
    """Ends the loop of an agent whose `max_execution_time` is over: CrewAI lets this error through everywhere."""

    def __init__(self, tool: str, agent: Any, task: Any) -> None:
        failure = ToolFailure(message="The agent's max_execution_time is over.", reason=ToolFailureReason.EXCEPTION)
        super().__init__(
            ToolFailureRecord(
                tool_name=tool,
                failure=failure,
                agent_role=getattr(agent, "role", None),
                task_id=str(task.id) if task is not None else None,
            )
        )


class RunEndedError(ToolExecutionFailedError):
    """Ends an agent that was ended, by itself or with its run, where `on_run_end` is "raise"."""


def note_end(record: ToolFailureRecord) -> None:
    """The engine has ended the agent of this context at its task, or the run. Each of its agents is to be told why."""
    at_task = _agent_at_task.get()
    if at_task is not None and at_task.ended_by is None:
        at_task.ended_by = record


def is_cancelled() -> bool:
    """Whether the run of this context was."""
    run = current_run.get()
    return run is not None and run.is_cancelled


def end() -> ToolFailureRecord | None:
    """What ended the agent of this context at its task, or its whole run; None if it goes on."""
    ends = (each.ended_by for each in (current_run.get(), _agent_at_task.get()) if each is not None)
    return next((ended_by for ended_by in ends if ended_by is not None), None)


def names() -> tuple[int | None, str | None]:
    """Of the run and of the agent at its task, as far as there are any in this context; unique in the process."""
    run, at_task = current_run.get(), _agent_at_task.get()
    return None if run is None else run.number, None if at_task is None else at_task.name


def name_of_task(task_id: str | None) -> str | None:
    """What the engine knows the work of this context's agent by."""
    at_task = _agent_at_task.get()
    return task_id if at_task is None else f"{task_id or ''}/{at_task.name}"


def agent_at_task() -> AbstractContextManager[None]:
    """The scope of one agent's work on one task."""
    return during(_agent_at_task, AgentAtTask())


def end_agent_if_time_is_over(tool: str, agent: Any, task: Any) -> None:
    """Called after a tool's result is known. Without it the agent, which nobody waits for, would go on asking."""
    ends_at = _agent_ends_at.get()
    if ends_at is not None and time.monotonic() >= ends_at:
        raise AgentTimeOverError(tool, agent, task)


@contextmanager
def agent_time(task: Any, timeout_s: float) -> Iterator[None]:
    """The scope in which an agent works on a task for at most that long."""
    outer = _agent_ends_at.get()
    own = time.monotonic() + timeout_s
    token = _agent_ends_at.set(own if outer is None else min(own, outer))
    try:
        yield
    except AgentTimeOverError as over:
        if outer is not None and time.monotonic() >= outer:
            raise
        raise TimeoutError(
            f"Task '{task.description}' execution timed out after {timeout_s} seconds. "
            "Consider increasing max_execution_time or optimizing the task."
        ) from over
    finally:
        _agent_ends_at.reset(token)
