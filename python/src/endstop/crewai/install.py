"""Turns the guarding of CrewAI's tools on and off."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from endstop.client.limits import EffectiveLimit, effective_limits
from endstop.client.policy import engine_options_for_wire, policy_for_wire
from endstop.crewai.figures import Report
from endstop.crewai.versions import TESTED_VERSION, installed_version

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from endstop._options import AgentOptions, EngineOptions, ToolOptions

ToolT = TypeVar("ToolT")

_lock = threading.Lock()
_started = False
_arguments: dict[str, Any] | None = None
"""Of `install()`; None while only `guard()` was called."""


def install(
    *,
    tools: Mapping[str, ToolOptions] | None = None,
    agents: Mapping[str, AgentOptions] | None = None,
    resources: Mapping[str, int] | None = None,
    on_run_end: Literal["answer", "raise"] = "answer",
    fallback: Literal["plain", "fail"] = "plain",
    **limits: Unpack[EngineOptions],
) -> None:
    """Makes CrewAI run every tool through the engine: those of agents that exist and of agents still to come.

    `limits` are those of docs/limits.md that an engine has: `timeout="30s"`, `max_depth=4`, `preset="strict"`,
    `mode="observe"`, `budget_calls=100`, … `tools` has limits of single tools, by the name they have in CrewAI or the
    one that the model sees; `agents` those of all tools of an agent, by its role. A nearer place wins: engine, agent,
    tool. `resources`: how many calls may use a resource that tools name at once, such as {"database": 3}; one that is
    not listed is for one call alone.

    `timeout` bounds one body; its clock starts when the body starts. Left out, a tool that an agent asks for has 120 s,
    except those that delegate to a coworker; a plain `tool.run()` in code has none and keeps its caller's thread. If it
    is given, here or for a tool, it holds for both, and a plain `tool.run()` then runs on a thread of its tool. An
    agent's tool also ends when the agent's `max_execution_time` is over.

    `on_run_end`: what happens to an agent whose run was ended, since its calls were rejected again and again. "answer":
    CrewAI asks the model for its final answer, without tools. "raise": `ToolExecutionFailedError`.

    `fallback`: what happens where the engine cannot be used: no Node, or it died and does not come back. "plain": the
    crew goes on with one RuntimeWarning, and what Python alone can keep is kept: deadlines on the host, and numbers of
    uses, counted on from the engine's journal. It stays so until the next `install()`. "fail": `kickoff()`, or the call
    in which it was lost, raises EngineError.

    To an agent a limit is a `ToolFailure` value; code that calls `tool.run()` gets `ToolCallError`, and the tool's own
    exception unchanged. Calling it again with the same arguments changes nothing. With `ENDSTOP=0` in the environment
    it does nothing.

    Raises ImportError if CrewAI is missing or too old, TypeError or ValueError for an argument that cannot be, and
    RuntimeError if it is installed with other arguments.
    """
    own = {name: dict(policy) for name, policy in (tools or {}).items()}
    arguments = {
        "tools": own,
        "agents": agents,
        "resources": resources,
        "on_run_end": on_run_end,
        "fallback": fallback,
        **limits,
    }
    options = engine_options_for_wire("install()", limits, agents, resources)
    policies = {name: policy_for_wire(f"tools[{name!r}]", policy) for name, policy in own.items()}
    if on_run_end not in ("answer", "raise"):
        raise ValueError(f'on_run_end must be "answer" or "raise", got {on_run_end!r}')
    if fallback not in ("plain", "fail"):
        raise ValueError(f'fallback must be "plain" or "fail", got {fallback!r}')
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
            options=options, everything=True, policies=policies, on_run_end=on_run_end, without_engine=fallback
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


def guard(tool: ToolT, **limits: Unpack[ToolOptions]) -> ToolT:
    """Guards one tool, in place, and returns it. It needs no `install()`, and wins over what `install()` says of it.

    `limits`: those of docs/limits.md that a tool has, as in `install(tools=…)`.

    Raises TypeError for what is not a CrewAI tool, TypeError or ValueError for a policy that cannot be, and ImportError
    as `install()` does.
    """
    global _started
    wired = policy_for_wire("guard()", limits)
    if os.environ.get("ENDSTOP") == "0":
        return tool
    with _lock:
        _installation().set_own_policy(tool, wired)
        if not _started:
            _installation().start(
                options={}, everything=False, policies={}, on_run_end="answer", without_engine="plain"
            )
            _started = True
    return tool


def describe(tool: Any, agent: str | None = None) -> dict[str, EffectiveLimit]:
    """Every limit in force for a CrewAI tool, as an agent of that role uses it, and who said it.

    Raises RuntimeError if the tool is not guarded, and EngineError if the engine cannot be used.
    """
    described = _installation().describe(tool, agent) if _started else None
    if described is None:
        raise RuntimeError(f"{tool!r} is not guarded: call endstop.crewai.install() or guard() first")
    return effective_limits(described)


def report() -> Report:
    """What CrewAI's tool calls came to since `install()`, also after `uninstall()`: calls, bodies, outcomes by code,
    time in tools and overhead, percentiles by tool, and what was stopped and why.

    `str(report())` is for a terminal, `.to_dict()` and `.to_json()` give the same as data. Raises RuntimeError if
    nothing was ever guarded.
    """
    # Who has guarded nothing need not wait for the import of CrewAI to hear it.
    module = sys.modules.get("endstop.crewai.installation")
    found = None if module is None else module.report()
    if found is None:
        raise RuntimeError("nothing was guarded: call endstop.crewai.install() or guard() first")
    return found  # type: ignore[no-any-return]  # of a module that is not imported here


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
