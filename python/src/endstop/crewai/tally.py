"""Counts what became of each request, in bounded memory."""

from __future__ import annotations

import math
import threading
from collections import Counter, deque
from dataclasses import dataclass, field

from endstop.crewai.figures import Percentiles, Report, Stop, ToolReport
from endstop.crewai.timing import Timing, WallTime
from endstop.outcome import Outcome

MAX_STOPS = 100
MAX_TOOLS = 1_000
"""Names past that are counted together, as `REST`."""
REST = "(other tools)"
_STEP = math.log(1.04)
"""Each step of the scale is 4 % longer than the one before, so that a percentile is within 2 %."""


class Durations:
    """Percentiles of many durations: they are counted on a logarithmic scale."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self._max_s = 0.0

    def add(self, seconds: float) -> None:
        self._counts[math.floor(math.log(max(seconds, 1e-7)) / _STEP)] += 1
        self._max_s = max(self._max_s, seconds)

    def percentiles(self) -> Percentiles:
        """In milliseconds; zeros if there are none."""
        return Percentiles(self._ms(0.5), self._ms(0.95), round(self._max_s * 1_000, 3))

    def _ms(self, share: float) -> float:
        wanted = math.ceil(self._counts.total() * share)
        for step in sorted(self._counts):
            wanted -= self._counts[step]
            if wanted <= 0:
                return round(min(math.exp((step + 0.5) * _STEP), self._max_s) * 1_000, 3)
        return 0.0


@dataclass
class _Tool:
    calls: int = 0
    bodies: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    body_s: float = 0.0
    outside_s: float = 0.0
    durations: Durations = field(default_factory=Durations)

    def report(self) -> ToolReport:
        return ToolReport(
            calls=self.calls,
            bodies=self.bodies,
            outcomes=dict(sorted(self.outcomes.items())),
            time_in_tool_ms=round(self.body_s * 1_000, 3),
            overhead_ms=round(self.outside_s * 1_000, 3),
            body_ms=self.durations.percentiles(),
        )


class Tally:
    """Threads may add at once."""

    def __init__(self) -> None:
        self._tools: dict[str, _Tool] = {}
        self._stops: deque[Stop] = deque(maxlen=MAX_STOPS)
        self._overhead = WallTime()
        self._lock = threading.Lock()

    def add(self, name: str, outcome: Outcome | None, timing: Timing, *, was_stopped: bool) -> None:
        """A request that is over. Without an outcome its caller was interrupted, or there was no engine."""
        failure = None if outcome is None else outcome.failure
        code = "no-outcome" if outcome is None else "succeeded" if failure is None else failure.code
        with self._lock:
            tool = self._tools.get(name)
            if tool is None:
                name = name if len(self._tools) < MAX_TOOLS else REST
                tool = self._tools.setdefault(name, _Tool())
            tool.calls += 1
            tool.outcomes[code] += 1
            tool.body_s += timing.body_s
            tool.outside_s += sum(self._overhead.add(since_s, until_s) for since_s, until_s in timing.outside)
            if outcome is not None and outcome.attempts > 0:
                tool.bodies += outcome.attempts
                tool.durations.add(timing.body_s)
            if was_stopped and failure is not None:
                self._stops.append(Stop(failure.tool, failure.code, failure.message))

    def report(self, fallback: str | None) -> Report:
        """A snapshot."""
        with self._lock:
            return Report(
                tools={name: tool.report() for name, tool in sorted(self._tools.items())},
                stopped=tuple(self._stops),
                fallback=fallback,
            )
