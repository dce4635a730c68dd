"""What CrewAI's tool calls came to since `install()`: for reading, or as plain data."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Percentiles:
    """In milliseconds, p50 and p95 within 2 %."""

    p50: float
    p95: float
    max: float


@dataclass(frozen=True)
class ToolReport:
    """One tool. `calls` that needed no body were answered by CrewAI's cache, or were stopped before.

    `outcomes` counts calls by the code of their failure (docs/errors.md), or "succeeded". `time_in_tool_ms` is how long
    callers waited for bodies, for those in workers with the way there; `overhead_ms` what Endstop
    took besides, without waits for a turn, and once where several calls did so at the same time.
    `body_ms` are percentiles of the same time, of calls that had a body.
    """

    calls: int
    bodies: int
    outcomes: Mapping[str, int]
    time_in_tool_ms: float
    overhead_ms: float
    body_ms: Percentiles


@dataclass(frozen=True)
class Stop:
    """A call that a limit stopped, and the text for the developer that says which."""

    tool: str
    code: str
    message: str


@dataclass(frozen=True)
class Report:
    """Since the last `install()`, as CrewAI saw it: it goes on when the engine is lost.

    `stopped` has the latest 100; `outcomes` counts them all. `fallback` says why there is no engine, if there is none.
    """

    tools: Mapping[str, ToolReport]
    stopped: tuple[Stop, ...]
    fallback: str | None

    @property
    def calls(self) -> int:
        return sum(tool.calls for tool in self.tools.values())

    @property
    def bodies(self) -> int:
        return sum(tool.bodies for tool in self.tools.values())

    @property
    def outcomes(self) -> dict[str, int]:
        counts: Counter[str] = Counter()
        for tool in self.tools.values():
            counts.update(tool.outcomes)
        return dict(sorted(counts.items()))

    @property
    def time_in_tools_ms(self) -> float:
        return round(sum(tool.time_in_tool_ms for tool in self.tools.values()), 3)

    @property
    def overhead_ms(self) -> float:
        return round(sum(tool.overhead_ms for tool in self.tools.values()), 3)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain data."""
        return {
            "calls": self.calls,
            "bodies": self.bodies,
            "outcomes": self.outcomes,
            "time_in_tools_ms": self.time_in_tools_ms,
            "overhead_ms": self.overhead_ms,
            **asdict(self),
        }

    def to_json(self, indent: int | None = 2) -> str:
        """The same as JSON."""
        return json.dumps(self.to_dict(), indent=indent)

    def __str__(self) -> str:
        """For a terminal."""
        outcomes = ", ".join(f"{code} {count}" for code, count in self.outcomes.items()) or "none"
        lines = [
            f"{self.calls} calls, {self.bodies} bodies: {outcomes}",
            f"{self.time_in_tools_ms:.1f} ms in tools, {self.overhead_ms:.1f} ms overhead",
        ]
        if self.fallback is not None:
            lines.append(f"without an engine: {self.fallback}")
        if self.tools:
            width = max(map(len, self.tools))
            lines.append(f"{'':{width}}  calls  bodies   p50 ms   p95 ms  outcomes")
            for name, tool in self.tools.items():
                codes = ", ".join(f"{code} {count}" for code, count in tool.outcomes.items())
                times = f"{tool.body_ms.p50:7.1f}  {tool.body_ms.p95:7.1f}"
                lines.append(f"{name:{width}}  {tool.calls:5}  {tool.bodies:6}  {times}  {codes}")
        lines += [f"stopped: {stop.message} [{stop.code}]" for stop in self.stopped]
        return "\n".join(lines)
