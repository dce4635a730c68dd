"""Turns the guarding of CrewAI's tools on and off."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from types import ModuleType
from typing import Any, TypeVar

from endstop.client.policy import count, policy_for_wire
from endstop.crewai.versions import TESTED_VERSION, installed_version
from endstop.durations import optional_duration_ms

ToolT = TypeVar("ToolT")

DEFAULT_TIMEOUT_MS = 120_000.0
DEFAULT_MAX_DEPTH = 8


class NotGiven:
    """Stands for an argument left out, where None has a meaning of its own."""

    def __repr__(self) -> str:
        return "not given"


NOT_GIVEN = NotGiven()

_lock = threading.Lock()
_started = False
_arguments: dict[str, Any] | None = None
"""Of `install()`; None while only `guard()` was called."""


def install(
    *,
    timeout: float | str | NotGiven | None = NOT_GIVEN,
    max_depth: int = DEFAULT_MAX_DEPTH,
    tools: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Makes CrewAI run every tool through the engine: those of agents that exist and of agents still to come.

    `timeout` bounds one body: seconds, a text such as `"30s"`, or None for no deadline. The clock starts when the body
    starts. Left out, a tool that an agent asks for has 120 s, except the two that delegate to a coworker; a plain
    `tool.run()` in code has none and keeps its caller's thread. If it is given, here or for a tool, it holds for both,
    and a plain `tool.run()` then runs on a thread of its tool. An agent's tool also ends when the agent's
    `max_execution_time` is over.

    `max_depth` is how deep tool calls may nest. `tools` has the policies of single tools, by the name they have in
    CrewAI or the one that the model sees: `timeout`, `limit`, `limit_per_run`, `placement` (`"host"` or `"worker"`),
    `poller`.

    To an agent a limit is a `ToolFailure` value; code that calls `tool.run()` gets `ToolCallError`, and the tool's own
    exception unchanged. Calling it again with the same arguments changes nothing. With `ENDSTOP=0` in the environment
    it does nothing.

    Raises ImportError if CrewAI is missing or too old, TypeError or ValueError for an argument that cannot be, and
    RuntimeError if it is installed with other arguments.
    """
    own = {name: dict(policy) for name, policy in (tools or {}).items()}
    arguments = {"timeout": timeout, "max_depth": max_depth, "tools": own}
    timeout_ms = DEFAULT_TIMEOUT_MS if isinstance(timeout, NotGiven) else optional_duration_ms(timeout, "timeout")
    policies = {name: policy_for_wire(f"tools[{name!r}]", policy) for name, policy in own.items()}
    count(max_depth, "max_depth")
    if os.environ.get("ENDSTOP") == "0":
        return
    global _arguments, _started
    with _lock:
        if _arguments == arguments:
            return
        if _arguments is not None:
            raise RuntimeError(
                f"endstop.crewai is installed with {_arguments}, not {arguments}: call endstop.crewai.uninstall() first"
            )
        _installation().start(
            timeout_ms=timeout_ms,
            max_depth=max_depth,
            everything=True,
            sets_timeout=timeout is not NOT_GIVEN,
            policies=policies,
        )
        _arguments, _started = arguments, True


def uninstall() -> None:
    """Puts CrewAI back as it was, for tools given to `guard()` too. Calls in flight are cancelled.

    Where somebody else has wrapped the same attribute meanwhile, theirs stays, and ours inside it passes through.
    """
    global _arguments, _started
    with _lock:
        _arguments = None
        if _started:
            _installation().stop()
            _started = False


def guard(tool: ToolT, **policy: Any) -> ToolT:
    """Guards one tool, in place, and returns it. It needs no `install()`, and wins over what `install()` says of it.

    `policy`: `timeout`, `limit`, `limit_per_run`, `placement`, `poller`, as in `install(tools=…)`.

    Raises TypeError for what is not a CrewAI tool, TypeError or ValueError for a policy that cannot be, and ImportError
    as `install()` does.
    """
    global _started
    wired = policy_for_wire("guard()", policy)
    if os.environ.get("ENDSTOP") == "0":
        return tool
    with _lock:
        _installation().set_own_policy(tool, wired)
        if not _started:
            _installation().start(
                timeout_ms=DEFAULT_TIMEOUT_MS,
                max_depth=DEFAULT_MAX_DEPTH,
                everything=False,
                sets_timeout=False,
                policies={},
            )
            _started = True
    return tool


def _installation() -> ModuleType:
    """The part that imports CrewAI, which takes seconds and may fail."""
    try:
        from endstop.crewai import installation
    except ImportError as problem:
        version = installed_version()
        if version is None:
            raise ImportError("endstop.crewai needs CrewAI: pip install 'endstop[crewai]'") from problem
        raise ImportError(
            f"endstop.crewai does not fit crewai {version}, which lacks a part of it: {problem}. "
            f"It is tested with crewai {TESTED_VERSION}."
        ) from problem
    return installation
