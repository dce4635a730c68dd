"""What is left of the limits without an engine: a deadline for each body, and the numbers of uses."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Mapping
from typing import Any

from endstop import values
from endstop._options import TIMEOUT_MS
from endstop.client import local_outcomes
from endstop.client.debugging import debugging
from endstop.client.journal import StartedBodies
from endstop.client.local_outcomes import CallFacts
from endstop.client.local_ticket import LocalTicket
from endstop.client.session import CallRequest
from endstop.client.unset import UNSET
from endstop.errors import EngineError
from endstop.outcome import Outcome


class Fallback:
    """Decides in the engine's place, for good: what the engine does not know of, it could not count later.

    `started` are the bodies that the engine's journal tells of, None if it cannot be read.
    """

    def __init__(
        self, reason: EngineError, session: str, options: Mapping[str, Any], started: StartedBodies | None
    ) -> None:
        self.reason = reason
        self._session = session
        self._options = options
        self._knows_the_past = started is not None
        self._started = started if started is not None else StartedBodies()
        self._numbers = itertools.count(1)
        self._once: set[tuple[str | None, str, str]] = set()
        """Run, tool and input of the calls of tools that say `once`."""
        self._started_before = dict(self._started.of_session)
        self._lock = threading.Lock()

    def admit(self, request: CallRequest, policy: Mapping[str, Any]) -> LocalTicket | Outcome:
        """`policy` is the tool's own."""
        limits = {**self._options, **self._agents_options(request), **policy}
        call_id = f"{self._session}-alone-{next(self._numbers)}"
        facts = CallFacts(call_id, request.tool, "host", limits, _input_of(request))
        with self._lock:
            rejection = self._rejection(request, limits, facts)
            if rejection is not None and limits.get("mode") != "observe":
                return rejection
            self._started.add(request.tool, request.run)
            if limits.get("once"):
                self._once.add(_named(request))

        def give_back_use() -> None:
            with self._lock:
                self._started.add(request.tool, request.run, -1)
                self._once.discard(_named(request))

        key = (self._session, request.run, request.tool)
        return LocalTicket(facts, key, self._timeout_ms(request, policy, limits), give_back_use)

    def _rejection(self, request: CallRequest, limits: Mapping[str, Any], facts: CallFacts) -> Outcome | None:
        max_calls, max_calls_per_run = limits.get("maxCalls"), limits.get("maxCallsPerRun")
        if request.run is None:
            max_calls_per_run = None
        if limits.get("once"):
            if not self._knows_the_past or self._started_before.get(request.tool):
                return _rejected("history-lost", facts, detail="the engine that knew its earlier calls is lost")
            if _named(request) in self._once:
                return _rejected("already-done", facts, detail="with this input")
        if (max_calls is not None or max_calls_per_run is not None) and not self._knows_the_past:
            detail = "the engine's journal cannot be read"
            return None if limits.get("readOnly") else _rejected("history-lost", facts, detail=detail)
        used, used_in_run = self._started.of_session[request.tool], self._started.of(request.tool, request.run)
        if max_calls is not None and used >= max_calls:
            return _rejected("usage-limit", facts, limit=str(max_calls), observed=str(used + 1), detail="engine")
        if max_calls_per_run is not None and used_in_run >= max_calls_per_run:
            observed = str(used_in_run + 1)
            return _rejected("usage-limit", facts, limit=str(max_calls_per_run), observed=observed, detail="run")
        return None

    def _timeout_ms(self, request: CallRequest, policy: Mapping[str, Any], limits: Mapping[str, Any]) -> float | None:
        timeout_ms = request.timeout_ms
        if timeout_ms is UNSET:
            kind, preset = policy.get("kind", "ordinary"), self._options.get("preset", "standard")
            named = limits
            if kind in ("delegation", "human"):
                # What they wait for is bounded itself: only their agent or they themselves can name a deadline.
                named = {**self._agents_options(request), **policy}
            timeout_ms = named.get("timeoutMs", TIMEOUT_MS[kind][preset])
        if debugging():
            return None
        bounds = [each for each in (timeout_ms, request.within_ms) if each is not None]
        return min(bounds) if bounds else None

    def _agents_options(self, request: CallRequest) -> Mapping[str, Any]:
        options: Mapping[str, Any] = self._options.get("agents", {}).get(request.agent_name or request.agent, {})
        return options


def _input_of(request: CallRequest) -> Any:
    """As it is now: its body may change it."""
    try:
        return values.encode(request.input)
    except values.Unencodable:
        return request.input


def _named(request: CallRequest) -> tuple[str | None, str, str]:
    return request.run, request.tool, json.dumps(request.input, sort_keys=True, default=repr)


def _rejected(code: str, facts: CallFacts, *, detail: str, limit: str = "", observed: str = "") -> Outcome:
    return local_outcomes.failure(code, facts, attempts=0, detail=detail, limit=limit, observed=observed)
