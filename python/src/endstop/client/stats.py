"""What an executor has done and does, as a user reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from endstop.outcome import Placement


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Of many durations, in milliseconds; 0 if there were none. All but `max` are within 2 % of the exact figure."""

    count: int
    p50: float
    p95: float
    p99: float
    max: float


@dataclass(frozen=True, slots=True)
class ToolStats:
    """`calls` have their outcome, `bodies` were started, `answered` are calls that had their answer without a body.

    `by_status` counts all outcomes, `by_code` those that did not succeed. `wait_ms`: from the call to the start of its
    body; `run_ms`: from there to the outcome.
    """

    calls: int
    bodies: int
    answered: int
    by_status: Mapping[str, int]
    by_code: Mapping[str, int]
    wait_ms: Percentiles
    run_ms: Percentiles


@dataclass(frozen=True, slots=True)
class PermitStats:
    """Of the engine (`engine`), a tool (`tool search`) or a resource (`resource database`). A limit of None is none."""

    limit: int | None
    in_use: int


@dataclass(frozen=True, slots=True)
class WorkerStats:
    """The workers of this process, which all executors share. `waiting`: calls that wait for one."""

    busy: int
    idle: int
    starting: int
    waiting: int


@dataclass(frozen=True, slots=True)
class MemoryStats:
    """`engine_bytes`: the engine's process. `workers_bytes`: all workers with what they started; None if not known."""

    engine_bytes: int
    workers_bytes: int | None


@dataclass(frozen=True, slots=True)
class Stats:
    """A snapshot. `waiting`: the calls in flight that wait for permits.

    An engine that is lost takes its counts along.
    """

    total: ToolStats
    tools: Mapping[str, ToolStats]
    in_flight: int
    waiting: int
    permits: Mapping[str, PermitStats]
    workers: WorkerStats
    memory: MemoryStats
    pressure: tuple[str, ...]
    """What is being done against pressure, as docs/events.md names it; nothing on a healthy machine."""


@dataclass(frozen=True, slots=True)
class CallInFlight:
    """A call without an outcome yet. `ran_ms`: since its body began; None if it waits. `run`: None outside any."""

    call_id: str
    tool: str
    path: tuple[str, ...]
    run: str | None
    placement: Placement
    elapsed_ms: float
    ran_ms: float | None
    timeout_ms: float | None


def call_from(told: Mapping[str, Any]) -> CallInFlight:
    """From one of the `calls` of the protocol."""
    return CallInFlight(
        call_id=told["callId"],
        tool=told["tool"],
        path=tuple(told["path"]),
        run=told["run"],
        placement=told["placement"],
        elapsed_ms=told["elapsedMs"],
        ran_ms=told["ranMs"],
        timeout_ms=told["timeoutMs"],
    )


def stats_from(told: Mapping[str, Any]) -> Stats:
    """From the `stats` object of the protocol."""
    memory = told["memory"]
    return Stats(
        total=_tool_stats(told["total"]),
        tools={name: _tool_stats(each) for name, each in told["tools"].items()},
        in_flight=told["inFlight"],
        waiting=told["waiting"],
        permits={name: PermitStats(each["limit"], each["inUse"]) for name, each in told["permits"].items()},
        workers=WorkerStats(**told["workers"]),
        memory=MemoryStats(memory["engineBytes"], memory["workersBytes"]),
        pressure=tuple(told["pressure"]),
    )


def no_stats() -> Stats:
    """With `ENDSTOP=0` nothing is counted."""
    none = Percentiles(0, 0, 0, 0, 0)
    return Stats(
        ToolStats(0, 0, 0, {}, {}, none, none), {}, 0, 0, {}, WorkerStats(0, 0, 0, 0), MemoryStats(0, None), ()
    )


def _tool_stats(told: Mapping[str, Any]) -> ToolStats:
    return ToolStats(
        calls=told["calls"],
        bodies=told["bodies"],
        answered=told["answered"],
        by_status=told["byStatus"],
        by_code=told["byCode"],
        wait_ms=Percentiles(**told["waitMs"]),
        run_ms=Percentiles(**told["runMs"]),
    )
