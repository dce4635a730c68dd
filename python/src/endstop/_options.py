# Generated from protocol/options.json by `dev gen`; do not edit.
"""The options of a policy: what they are called here and on the wire, and what they may be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypedDict


class ToolOptions(TypedDict, total=False):
    """The limits of one tool; docs/limits.md says what each bounds."""

    timeout: float | str | None
    max_calls: int | None
    max_calls_per_run: int | None
    max_in_flight: int | None
    max_concurrent: int | None
    resources: Sequence[str]
    wait_timeout: float | str | None
    cancel_grace: float | str
    rate_limit: str | None
    max_consecutive_failures: int | None
    breaker_cooldown: float | str
    max_reentry: int | None
    placement: Literal["host", "worker"]
    cpu_time: float | str | None
    memory: int | str | None
    max_processes: int | None
    max_output: int | str | None
    max_result: int | str | None
    cache: bool
    cache_ttl: float | str | None
    max_cache_entries: int
    max_cache: int | str
    max_attempts: int
    retry_delay: float | str
    max_retry_delay: float | str
    max_stuck: int | None
    kind: Literal["ordinary", "delegation", "human", "mcp"]
    poller: bool
    read_only: bool
    idempotent: bool
    once: bool
    same_call_notice: int | None
    same_call_reject: int | None
    poll_reject: int | None
    repeat_pause: float | str
    cycle_notice: int | None
    cycle_reject: int | None
    same_result_notice: int | None
    same_result_reject: int | None
    same_failure_notice: int | None
    same_failure_reject: int | None
    redact: Sequence[str]


class AgentOptions(TypedDict, total=False):
    """The limits of all tools of one agent."""

    timeout: float | str | None
    max_calls: int | None
    max_calls_per_run: int | None
    max_in_flight: int | None
    wait_timeout: float | str | None
    cancel_grace: float | str
    rate_limit: str | None
    max_consecutive_failures: int | None
    breaker_cooldown: float | str
    max_reentry: int | None
    placement: Literal["host", "worker"]
    cpu_time: float | str | None
    memory: int | str | None
    max_processes: int | None
    max_output: int | str | None
    max_result: int | str | None
    max_attempts: int
    retry_delay: float | str
    max_retry_delay: float | str
    max_stuck: int | None
    same_call_notice: int | None
    same_call_reject: int | None
    poll_reject: int | None
    repeat_pause: float | str
    cycle_notice: int | None
    cycle_reject: int | None
    same_result_notice: int | None
    same_result_reject: int | None
    same_failure_notice: int | None
    same_failure_reject: int | None


class EngineOptions(TypedDict, total=False):
    """The limits of an engine, and of every tool where nothing nearer says else."""

    timeout: float | str | None
    max_calls: int | None
    max_calls_per_run: int | None
    max_in_flight: int | None
    max_concurrent: int | None
    max_total_concurrent: int | None
    wait_timeout: float | str | None
    cancel_grace: float | str
    rate_limit: str | None
    max_consecutive_failures: int | None
    breaker_cooldown: float | str
    max_reentry: int | None
    placement: Literal["host", "worker"]
    worker_stdout: Literal["stderr", "stdout"]
    cpu_time: float | str | None
    memory: int | str | None
    max_processes: int | None
    max_output: int | str | None
    max_result: int | str | None
    max_attempts: int
    retry_delay: float | str
    max_retry_delay: float | str
    max_stuck: int | None
    same_call_notice: int | None
    same_call_reject: int | None
    poll_reject: int | None
    repeat_pause: float | str
    cycle_notice: int | None
    cycle_reject: int | None
    same_result_notice: int | None
    same_result_reject: int | None
    same_failure_notice: int | None
    same_failure_reject: int | None
    max_depth: int
    budget_calls: int | None
    budget_failures: int | None
    budget_wall_time: float | str | None
    budget_tool_time: float | str | None
    rejections_to_end_agent: int | None
    ended_agents_to_end_run: int | None
    redact: Sequence[str]
    mode: Literal["enforce", "observe"]
    preset: Literal["lenient", "standard", "strict"]


@dataclass(frozen=True)
class Option:
    """`wire` is the name of the value on the wire, in its unit. `levels`: where it may be given.

    `where`: it bounds bodies there only. `min` and `max` are of counts. `excludes`: what one tool cannot
    have beside it, with the reason.
    """

    name: str
    wire: str
    kind: str
    levels: tuple[str, ...]
    nullable: bool
    choices: tuple[str, ...]
    where: str | None
    min: int
    max: int | None
    excludes: tuple[tuple[str, str], ...]


_TABLE = (
    Option(
        name="timeout",
        wire="timeoutMs",
        kind="duration",
        levels=("engine", "agent", "tool", "call"),
        nullable=True,
        choices=(),
        where=None,
        min=1,
        max=None,
        excludes=(),
    ),
    Option(
        name="max_calls",
        wire="maxCalls",
        kind="count",
        levels=("engine", "agent", "tool"),
        nullable=True,
        choices=(),
        where=None,
        min=1,
        max=None,
        excludes=(),
    ),
    Option(
        name="max_calls_per_run",
        wire="maxCallsPerRun",
        kind="count",
        levels=("engine", "agent", "tool"),
        nullable=True,
        choices=(),
        where=None,
        min=1,
        max=None,
        excludes=(),
    ),
    Option(
        name="max_in_flight",
        wire="maxInFlight",
        kind="count",
        levels=("engine", "agent", "tool"),
        nullable=True,
        choices=(),
        where=None,
        min=1,
        max=None,
        excludes=(),
    ),
    Option(
        name="max_concurrent",
        wire="maxConcurrent",
        kind="count",
        levels=("engine", "tool"),
        nullable=True,
        choices=(),
        where=None,
        min=1,
        max=None,
        excludes=(),
    ),
    Option(
        name="max_total_concurrent",
        wire="maxTotalConcurrent",
        kind="count",
        levels=("engine",),
        nullable=True,
        choices=(),
        where=None,
        min=1,
        max=None,
        excludes=(),
    ),
    Option(
        name="resources",
        wire="resources",
        kind="names",
        levels=("tool",),
        nullable=False,
        choices=(),
        where=None,
        min=1,
        max=None,
        excludes=(),
    ),
    Option(
        name="wait_timeout",
        wire="waitTimeoutMs",
        kind="duration",
        levels=("engine", "agent", "tool"),
        nullable=True,
        choices=(),
        where=None,
        min=1,
        max=None,
        excludes=(),
    ),
    Option(
        name="cancel_grace",
        wire="cancelGraceMs",
        kind="duration",
        levels=("engine", "agent", "tool"),
        nullable=False,
        choices=(),
        where="host",
        min=1,
        max=None,
        excludes=(),
    ),
    Option(
        name="rate_limit",
        wire="rateLimit",
        kind="rate",
        levels=("engine", "agent", "tool"),
        nullable=True,
        choices=(),
        where=None,
        min=1,
        max=None,
        excludes=(),
    ),
    Option(
        name="max_consecutive_failures",
        wire="maxConsecutiveFailures",
        kind="count",
        levels=("engine", "agent", "tool"),
        nullable=True,
        choices=(),
        where=None,
        min=1,
        max=None,
        excludes=(),
    ),
    Option(
        name="breaker_cooldown",
        wire="breakerCooldownMs",
        kind="duration",
        levels=("engine", "agent", "tool"),
        nullable=False,
        choices=(),
        where=None,
        min=1,
        max=None,
        excludes=(),
    ),
    Option(
        name="max_reentry",
        wire="maxReentry",
        kind="count",
        levels=("engine", "agent", "tool"),
        nullable=True,
        choices=(),
        where=None,
        min=1,
        max=None,
        excludes=(),
    ),
    Option(
        name="placement",
        wire="placement",
        kind="choice",
        levels=("engine", "agent", "tool"),
        nullable=False,
        choices=("host", "worker"),
        where=None,
        min=1,
        max=None,
        excludes=(),
    ),
    Option(
        name="worker_stdout",
        wire="workerStdout",
        kind="choice",
        levels=("engine",),
        nullable=False,
        choices=("stderr", "stdout"),
        where=None,
        min=1,
        max=None,
        excludes=(),
    ),
    Option(
        name="cpu_time",
        wire="cpuTimeMs",
        kind="duration",
        levels=("engine", "agent", "tool"),
        nullable=True,
        choices=(),
        where="worker",
        min=1,
        max=None,
        excludes=(),
    ),
    Option(
        name="memory",
        wire="memoryBytes",
        kind="size",
        levels=("engine", "agent", "tool"),
        nullable=True,
        choices=(),
        where="worker",
        min=1,
        max=None,
        excludes=(),
    ),
    Option(
        name="max_processes",
        wire="maxProcesses",
        kind="count",
        levels=("engine", "agent", "tool"),
        nullable=True,
        choices=(),
        where="worker",
        min=1,
        max=None,
        excludes=(),
    ),
    Option(
        name="max_output",
        wire="maxOutputBytes",
        kind="size",
        levels=("engine", "agent", "tool"),
        nullable=True,
        choices=(),
        where="worker",
        min=1,
        max=None,
        excludes=(),
    ),
    Option(
        name="max_result",
        wire="maxResultBytes",
        kind="size",
        levels=("engine", "agent", "tool"),
        nullable=True,
        choices=(),
        where=None,
        min=1,
        max=None,
        excludes=(),
    ),
    Option(
        name="cache",
        wire="cache",
        kind="flag",
        levels=("tool",),
        nullable=False,
        choices=(),
        where=None,
        min=1,
        max=None,
        excludes=(("poller", "a poller is asked for a new answer each time"),),
    ),
    Option(
        name="cache_ttl",
        wire="cacheTtlMs",
        kind="duration",
        levels=("tool",),
        nullable=True,
        choices=(),
        where=None,
        min=1,
        max=None,
        excludes=(),
    ),
    Option(
        name="max_cache_entries",
        wire="maxCacheEntries",
        kind="count",
        levels=("tool",),
        nullable=False,
        choices=(),
        where=None,
        min=1,
        max=None,
        excludes=(),
    ),
    Option(
        name="max_cache",
        wire="maxCacheBytes",
        kind="size",
        levels=("tool",),
        nullable=False,
        choices=(),
        where=None,
        min=1,
        max=None,
        excludes=(),
    ),
    Option(
        name="max_attempts",
        wire="maxAttempts",
        kind="count",
        levels=("engine", "agent", "tool"),
        nullable=False,
        choices=(),
        where=None,
        min=1,
        max=None,
        excludes=(),
    ),
    Option(
        name="retry_delay",
        wire="retryDelayMs",
        kind="duration",
        levels=("engine", "agent", "tool"),
        nullable=False,
        choices=(),
        where=None,
        min=1,
        max=None,
        excludes=(),
    ),
    Option(
        name="max_retry_delay",
        wire="maxRetryDelayMs",
        kind="duration",
        levels=("engine", "agent", "tool"),
        nullable=False,
        choices=(),
        where=None,
        min=1,
        max=None,
        excludes=(),
    ),
    Option(
        name="max_stuck",
        wire="maxStuck",
        kind="count",
        levels=("engine", "agent", "tool"),
        nullable=True,
        choices=(),
        where="host",
        min=1,
        max=None,
        excludes=(),
    ),
    Option(
        name="kind",
        wire="kind",
        kind="choice",
        levels=("tool",),
        nullable=False,
        choices=("ordinary", "delegation", "human", "mcp"),
        where=None,
        min=1,
        max=None,
        excludes=(),
    ),
    Option(
        name="poller",
        wire="poller",
        kind="flag",
        levels=("tool",),
        nullable=False,
        choices=(),
        where=None,
        min=1,
        max=None,
        excludes=(),
    ),
    Option(
        name="read_only",
        wire="readOnly",
        kind="flag",
        levels=("tool",),
        nullable=False,
        choices=(),
        where=None,
        min=1,
        max=None,
        excludes=(),
    ),
    Option(
        name="idempotent",
        wire="idempotent",
        kind="flag",
        levels=("tool",),
        nullable=False,
        choices=(),
        where=None,
        min=1,
        max=None,
        excludes=(),
    ),
    Option(
        name="once",
        wire="once",
        kind="flag",
        levels=("tool",),
        nullable=False,
        choices=(),
        where=None,
        min=1,
        max=None,
        excludes=(("poller", "a poller is asked the same again for a new answer"),),
    ),
    Option(
        name="same_call_notice",
        wire="sameCallNotice",
        kind="count",
        levels=("engine", "agent", "tool"),
        nullable=True,
        choices=(),
        where=None,
        min=1,
        max=None,
        excludes=(),
    ),
    Option(
        name="same_call_reject",
        wire="sameCallReject",
        kind="count",
        levels=("engine", "agent", "tool"),
        nullable=True,
        choices=(),
        where=None,
        min=2,
        max=None,
        excludes=(),
    ),
    Option(
        name="poll_reject",
        wire="pollReject",
        kind="count",
        levels=("engine", "agent", "tool"),
        nullable=True,
        choices=(),
        where=None,
        min=2,
        max=None,
        excludes=(),
    ),
    Option(
        name="repeat_pause",
        wire="repeatPauseMs",
        kind="duration",
        levels=("engine", "agent", "tool"),
        nullable=False,
        choices=(),
        where=None,
        min=1,
        max=None,
        excludes=(),
    ),
    Option(
        name="cycle_notice",
        wire="cycleNotice",
        kind="count",
        levels=("engine", "agent", "tool"),
        nullable=True,
        choices=(),
        where=None,
        min=2,
        max=8,
        excludes=(),
    ),
    Option(
        name="cycle_reject",
        wire="cycleReject",
        kind="count",
        levels=("engine", "agent", "tool"),
        nullable=True,
        choices=(),
        where=None,
        min=2,
        max=8,
        excludes=(),
    ),
    Option(
        name="same_result_notice",
        wire="sameResultNotice",
        kind="count",
        levels=("engine", "agent", "tool"),
        nullable=True,
        choices=(),
        where=None,
        min=1,
        max=None,
        excludes=(),
    ),
    Option(
        name="same_result_reject",
        wire="sameResultReject",
        kind="count",
        levels=("engine", "agent", "tool"),
        nullable=True,
        choices=(),
        where=None,
        min=2,
        max=None,
        excludes=(),
    ),
    Option(
        name="same_failure_notice",
        wire="sameFailureNotice",
        kind="count",
        levels=("engine", "agent", "tool"),
        nullable=True,
        choices=(),
        where=None,
        min=1,
        max=None,
        excludes=(),
    ),
    Option(
        name="same_failure_reject",
        wire="sameFailureReject",
        kind="count",
        levels=("engine", "agent", "tool"),
        nullable=True,
        choices=(),
        where=None,
        min=2,
        max=None,
        excludes=(),
    ),
    Option(
        name="max_depth",
        wire="maxDepth",
        kind="count",
        levels=("engine",),
        nullable=False,
        choices=(),
        where=None,
        min=1,
        max=None,
        excludes=(),
    ),
    Option(
        name="budget_calls",
        wire="budgetCalls",
        kind="count",
        levels=("engine",),
        nullable=True,
        choices=(),
        where=None,
        min=1,
        max=None,
        excludes=(),
    ),
    Option(
        name="budget_failures",
        wire="budgetFailures",
        kind="count",
        levels=("engine",),
        nullable=True,
        choices=(),
        where=None,
        min=1,
        max=None,
        excludes=(),
    ),
    Option(
        name="budget_wall_time",
        wire="budgetWallTimeMs",
        kind="duration",
        levels=("engine",),
        nullable=True,
        choices=(),
        where=None,
        min=1,
        max=None,
        excludes=(),
    ),
    Option(
        name="budget_tool_time",
        wire="budgetToolTimeMs",
        kind="duration",
        levels=("engine",),
        nullable=True,
        choices=(),
        where=None,
        min=1,
        max=None,
        excludes=(),
    ),
    Option(
        name="rejections_to_end_agent",
        wire="rejectionsToEndAgent",
        kind="count",
        levels=("engine",),
        nullable=True,
        choices=(),
        where=None,
        min=1,
        max=None,
        excludes=(),
    ),
    Option(
        name="ended_agents_to_end_run",
        wire="endedAgentsToEndRun",
        kind="count",
        levels=("engine",),
        nullable=True,
        choices=(),
        where=None,
        min=1,
        max=None,
        excludes=(),
    ),
    Option(
        name="redact",
        wire="redact",
        kind="names",
        levels=("engine", "tool"),
        nullable=False,
        choices=(),
        where=None,
        min=1,
        max=None,
        excludes=(),
    ),
    Option(
        name="mode",
        wire="mode",
        kind="choice",
        levels=("engine",),
        nullable=False,
        choices=("enforce", "observe"),
        where=None,
        min=1,
        max=None,
        excludes=(),
    ),
    Option(
        name="preset",
        wire="preset",
        kind="choice",
        levels=("engine",),
        nullable=False,
        choices=("lenient", "standard", "strict"),
        where=None,
        min=1,
        max=None,
        excludes=(),
    ),
)

OPTIONS: Mapping[str, Option] = MappingProxyType({option.name: option for option in _TABLE})

SECRET_NAMES = (
    "password",
    "passwords",
    "passwd",
    "pwd",
    "passphrase",
    "passcode",
    "secret",
    "secrets",
    "token",
    "api_key",
    "access_key",
    "private_key",
    "authorization",
    "auth",
    "bearer",
    "credential",
    "credentials",
    "cookie",
    "cookies",
    "otp",
    "cvv",
)
"""The default of `redact`."""

TIMEOUT_MS: Mapping[str, Mapping[str, float | None]] = {
    "ordinary": {"lenient": 600000, "standard": 120000, "strict": 30000},
    "delegation": {"lenient": None, "standard": None, "strict": 600000},
    "human": {"lenient": None, "standard": None, "strict": 600000},
    "mcp": {"lenient": 120000, "standard": 60000, "strict": 30000},
}
"""The default of `timeout` by kind of tool and preset; None is no deadline."""

MAX_RESULT_BYTES: Mapping[str, int] = {"lenient": 1000000, "standard": 100000, "strict": 20000}
"""The default of `max_result` by preset."""
