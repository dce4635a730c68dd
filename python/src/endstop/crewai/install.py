"""Turns the guarding of CrewAI's tools on and off."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from endstop.client.limits import Description, EffectiveLimit, effective_limits, no_limits
from endstop.client.policy import engine_options_for_wire, policy_for_wire, refuse_misplaced
from endstop.crewai.figures import Report
from endstop.crewai.settings import Settings, checked_policies, merged, merged_agents, read_settings
from endstop.crewai.versions import NEWEST_TESTED_VERSION, OLDEST_VERSION, installed_version
from endstop.switches import is_turned_off

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
    on_run_end: Literal["answer", "raise"] | None = None,
    fallback: Literal["plain", "fail"] | None = None,
    max_batch: int | None = None,
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

    What is not said here is taken from `endstop.toml` in the working directory, if there is one: the same names at its
    top, `[tools.my_tool]` and `[agents."My Role"]`, and "none" for None. What that leaves open, a tool may say itself:
    `my_tool.endstop = {"timeout": "30s"}`, once this was called, or `endstop: ClassVar = {...}` in its class.

    `on_run_end`: what happens to an agent that was ended at its task, since its calls were rejected again and again,
    or whose run was. "answer" is the default: CrewAI asks the model for its final answer, without tools. "raise":
    `ToolExecutionFailedError`.

    `max_batch`: how many tool calls of one answer of a model with native function calls run at once. Left out, as many
    as on plain CrewAI: eight, and one after the other if one of the tools has `max_usage_count` or `result_as_answer`.
    Given, it holds for those answers too; what the two mean is kept by order.

    `fallback`: what happens where the engine cannot be used: no Node, or it died and does not come back. "plain", the
    default: the
    crew goes on with one RuntimeWarning, and what Python alone can keep is kept: deadlines on the host, and numbers of
    uses, counted on from the engine's journal. It stays so until the next `install()`. "fail": `kickoff()`, or the call
    in which it was lost, raises EngineError.

    To an agent a limit is a `ToolFailure` value; code that calls `tool.run()` gets `ToolCallError`, and the tool's own
    exception unchanged. Calling it again with the same arguments changes nothing; with others it takes the place of
    the first, and counts begin anew. With `ENDSTOP=0` in the environment it does nothing.

    Raises ImportError if CrewAI is missing or too old, and TypeError or ValueError for an argument that cannot be (a
    limit of workers needs `placement="worker"` beside it or above it).
    """
    settings = read_settings(Path.cwd())
    by_file = dict(settings.limits)
    on_run_end = _choice("on_run_end", on_run_end, by_file.pop("on_run_end", None), ("answer", "raise"))
    fallback = _choice("fallback", fallback, by_file.pop("fallback", None), ("plain", "fail"))
    max_batch = _count("max_batch", by_file.pop("max_batch", None) if max_batch is None else max_batch)
    policies_of_file = _policies_of_file(settings, by_file)
    own = checked_policies("tools", tools)
    of_agents = merged_agents(settings.agents, checked_policies("agents", agents))
    everywhere = {**by_file, **limits}
    all_resources = {**settings.resources, **(resources or {})} if settings.resources or resources else resources
    arguments = {
        "tools": [settings.tools, own],
        "agents": of_agents,
        "resources": all_resources,
        "on_run_end": on_run_end,
        "fallback": fallback,
        "max_batch": max_batch,
        **everywhere,
    }
    options = engine_options_for_wire("install()", everywhere, of_agents or None, all_resources)
    policies = {name: policy_for_wire(f"tools[{name!r}]", policy) for name, policy in own.items()}
    for name, resolved in merged(policies_of_file, policies).items():
        where = "tools" if name in policies else f"{settings.origin}: tools"
        refuse_misplaced(f"{where}[{name!r}]", resolved, options)
    if is_turned_off():
        return
    global _arguments, _started
    with _lock:
        if _arguments == arguments:
            return
        _installation().start(
            options=options,
            everything=True,
            policies=policies,
            policies_of_file=policies_of_file,
            on_run_end=on_run_end,
            max_batch=max_batch,
            without_engine=fallback,
        )
        _arguments, _started = arguments, True


def install_for_script() -> None:
    """`install()` as `endstop.toml` has it, unless somebody has called it already; one of the script replaces it."""
    if _arguments is None:
        install()


def _choice(name: str, by_code: str | None, by_file: str | None, choices: tuple[str, str]) -> Any:
    value = by_code if by_code is not None else by_file if by_file is not None else choices[0]
    if value not in choices:
        raise ValueError(f'{name} must be "{choices[0]}" or "{choices[1]}", got {value!r}')
    return value


def _count(name: str, value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be a whole number, got {value!r}")
    if value < 1:
        raise ValueError(f"{name} must be at least 1, got {value!r}")
    return value


def _policies_of_file(settings: Settings, limits: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The policies of its tools. All its mistakes are told with its name."""
    engine_options_for_wire(settings.origin, limits, settings.agents, settings.resources)
    return {
        name: policy_for_wire(f"{settings.origin}: tools[{name!r}]", policy) for name, policy in settings.tools.items()
    }


def uninstall() -> None:
    """Puts CrewAI back as it was, for tools given to `guard()` too. Calls in flight are cancelled.

    Where somebody else has wrapped the same attribute meanwhile, theirs stays, and ours inside it passes through.
    """
    global _arguments, _started
    with _lock:
        _arguments = None
        if _started:
            _installation().end()
            _started = False


def guard(tool: ToolT, **limits: Unpack[ToolOptions]) -> ToolT:
    """Guards one tool, in place, and returns it. It needs no `install()`, and wins over what `install()` says of it.

    `limits`: those of docs/limits.md that a tool has, as in `install(tools=…)`.

    Raises TypeError for what is not a CrewAI tool, TypeError or ValueError for a policy that cannot be (a limit of
    workers needs `placement="worker"` beside it, in the tool, or in an `install()` that was called before), and
    ImportError as `install()` does.
    """
    global _started
    wired = policy_for_wire("guard()", limits)
    if is_turned_off():
        return tool
    with _lock:
        for name, reason in _installation().misplaced(tool, wired):
            if name in limits:
                raise ValueError(f"guard() cannot have {name}: {reason}")
        _installation().set_own_policy(tool, wired)
        if not _started:
            _installation().start(
                options={},
                everything=False,
                policies={},
                policies_of_file={},
                on_run_end="answer",
                max_batch=None,
                without_engine="plain",
            )
            _started = True
    return tool


def describe(tool: Any, agent: Any = None) -> Description:
    """Every limit in force for a CrewAI tool, as an agent (or one of that role) uses it, and who said it.

    `max_batch` is among them: how many native calls of one answer run at once. `.warnings` names what the tool shares
    with this process and a worker would have a copy of.

    With `ENDSTOP=0` each is None. Raises RuntimeError if the tool is not guarded, and EngineError if the engine cannot
    be used.
    """
    if not _started and is_turned_off():
        limits = no_limits()
        limits["max_batch"] = EffectiveLimit(None, "ENDSTOP=0")
        return limits
    described = _installation().describe(tool, agent) if _started else None
    if described is None:
        raise RuntimeError(f"{tool!r} is not guarded: call endstop.crewai.install() or guard() first")
    limits = effective_limits(described, _installation().closure_warnings_of(tool))
    limits["max_batch"] = EffectiveLimit(*_installation().batch_limit())
    return limits


def report() -> Report:
    """What CrewAI's tool calls came to since `install()`, also after `uninstall()`: calls, bodies, outcomes by code,
    time in tools and overhead, percentiles by tool, and what was stopped and why.

    `str(report())` is for a terminal, `.to_dict()` and `.to_json()` give the same as data. With `ENDSTOP=0` it is
    empty. Raises RuntimeError if nothing was ever guarded.
    """
    # Who has guarded nothing need not wait for the import of CrewAI to hear it.
    module = sys.modules.get("endstop.crewai.installation")
    found = None if module is None else module.report()
    if found is None and is_turned_off():
        return Report({}, (), None)
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
            f"It needs crewai {OLDEST_VERSION} or newer and is tested up to {NEWEST_TESTED_VERSION}."
        ) from problem
    return installation
