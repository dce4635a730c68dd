"""A call that goes on without an engine: its body runs on the host, with a deadline."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import copy_context
from typing import Any

from endstop.client import local_outcomes
from endstop.client.endings import ending_of, is_ctrl_c, run_described
from endstop.client.local_outcomes import CallFacts
from endstop.durations import format_duration
from endstop.host.asyncbodies import run_async
from endstop.host.bodies import BodyEnd, run_here, run_until
from endstop.host.threads import Key
from endstop.outcome import Outcome, Placement


class LocalTicket:
    """Has the methods of `Ticket` that a body on the host needs, and as there exactly one is called, once.

    `timeout_ms` is the deadline, counted from the start of the body; None is none. `give_back_use` is called if no
    body was started.
    """

    placement: Placement = "host"
    waited_ms = 0.0

    def __init__(self, facts: CallFacts, key: Key, timeout_ms: float | None, give_back_use: Callable[[], None]) -> None:
        self.tool = facts.tool
        self.timeout_ms = timeout_ms
        self._facts = facts
        self._key = key
        self._give_back_use = give_back_use

    def run(self, body: Callable[[], Any]) -> Outcome:
        """As `Ticket.run`."""
        context = copy_context()
        described = functools.partial(run_described, body)
        try:
            if self.timeout_ms is None:
                end = run_here(described, context)
            else:
                end = run_until(described, context, self.timeout_ms, self._key, self._facts.call_id)
        except RuntimeError as problem:
            return self.give_back(f"no thread could be started: {problem}")
        if self.timeout_ms is None and is_ctrl_c(end):
            raise KeyboardInterrupt
        return self._outcome(end)

    async def run_async(self, body: Callable[[], Any]) -> Outcome:
        """As `Ticket.run_async`."""
        try:
            end = await run_async(
                body, copy_context(), self.timeout_ms, self._key, self._facts.call_id, then=run_described
            )
        except RuntimeError as problem:
            return self.give_back(f"no thread could be started: {problem}")
        return self._outcome(end)

    def answered(self, value: Any) -> Outcome:
        """The framework's own cache had the value: no body ran."""
        self._give_back_use()
        return local_outcomes.success(self._facts, value, attempts=0)

    def invalid(self, detail: str) -> Outcome:
        """The input did not fit: no body ran."""
        self._give_back_use()
        return local_outcomes.failure("invalid-input", self._facts, attempts=0, detail=detail)

    def give_back(self, detail: str) -> Outcome:
        """No body ran: a hook blocked the call, or no thread could be started."""
        self._give_back_use()
        return local_outcomes.failure("cancelled", self._facts, attempts=0, detail=f"no body ran: {detail}")

    def _outcome(self, end: BodyEnd) -> Outcome:
        if end.expired_ms is not None:
            limit_ms = end.expired_ms if self.timeout_ms is None else self.timeout_ms
            return local_outcomes.failure(
                "timed-out",
                self._facts,
                attempts=1,
                limit=format_duration(limit_ms),
                observed=format_duration(end.expired_ms),
            )
        ending, value, exception = ending_of(end)
        if exception is not None:
            return local_outcomes.raised(self._facts, exception, ending["error"])
        return local_outcomes.success(self._facts, value)
