"""`endstop doctor my_module:crew`: where each tool can run, on what limits, and what could not be stopped."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from endstop.client.limits import Description
from endstop.commands.machine import describe_machine

USAGE = "usage: endstop doctor [my_module:crew]"


def main(arguments: Sequence[str]) -> int:
    """Returns 0 if all is well, 1 if something would not work as it was asked for, 2 for arguments it does not know."""
    if len(arguments) > 1 or any(argument.startswith("-") for argument in arguments):
        print(USAGE, file=sys.stderr)
        return 2
    lines, problem = describe_machine()
    print("machine", *(f"  {line}" for line in lines), sep="\n")
    if not arguments:
        return 0 if problem is None else 1
    try:
        target = _target(arguments[0])
    except (ImportError, AttributeError, ValueError) as error:
        print(f"endstop doctor: {arguments[0]}: {error}\n{USAGE}", file=sys.stderr)
        return 2
    return max(_examine(target, problem), 0 if problem is None else 1)


@dataclass(frozen=True)
class Used:
    """A tool as an agent uses it; `agent` is its role, None for a tool that was named itself."""

    tool: Any
    agent: str | None


def _target(name: str) -> Any:
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise ValueError("it must have the form my_module:crew")
    sys.path.insert(0, os.getcwd())
    found: Any = importlib.import_module(module)
    for part in attribute.split("."):
        found = getattr(found, part)
    # A function that makes a crew, or a class of a project with YAML files.
    if isinstance(found, type) or (callable(found) and not _tools_of(found) and not _is_tool(found)):
        found = found()
    crew = getattr(found, "crew", None)
    return crew() if callable(crew) else found


def _is_tool(thing: Any) -> bool:
    return hasattr(thing, "args_schema")


def _tools_of(target: Any) -> list[Used]:
    """Those of a crew's agents and tasks, of an agent, or of a list; each once for each agent."""
    return list({(id(used.tool), used.agent): used for used in _each_tool(target)}.values())


def _each_tool(target: Any) -> Iterator[Used]:
    if isinstance(target, (list, tuple)):
        for each in target:
            yield from _each_tool(each)
    elif _is_tool(target):
        yield Used(target, None)
    elif hasattr(target, "agents"):
        for agent in target.agents:
            yield from _each_tool(agent)
        for task in getattr(target, "tasks", None) or ():
            role = getattr(getattr(task, "agent", None), "role", None)
            yield from (Used(tool, role) for tool in getattr(task, "tools", None) or ())
    elif hasattr(target, "tools"):
        yield from (Used(tool, getattr(target, "role", None)) for tool in target.tools or ())


def _examine(target: Any, problem: str | None) -> int:
    from endstop.crewai.install import describe, install_for_script

    used = _tools_of(target)
    if not used:
        print("tools\n  none were found: name a crew, an agent, a tool, or a function that returns one")
        return 1
    install_for_script()
    print("tools")
    faults, unstoppable = 0, []
    for each in used:
        stays = _why_it_stays_on_host(each.tool)
        described = None if problem is not None else describe(each.tool, each.agent)
        print(f"  {each.tool.name}" + ("" if each.agent is None else f" (agent {each.agent})"))
        print(f"    can run: on the host, {'in a worker' if stays is None else f'not in a worker: {stays}'}")
        if described is None:
            unstoppable.append(each.tool.name)
            continue
        in_worker = described["placement"].value == "worker"
        print(f"    runs: {'in a worker, where it is killed' if in_worker else 'on the host'}")
        print(f"    effect: {_effect(described)}")
        print(f"    limits: {_limits(described)}")
        for warning in described.warnings:
            print(f"    warning: {warning}")
        if in_worker and stays is not None:
            faults += 1
            print("    fault: placement is worker, and it cannot go there: each call will fail")
        if not in_worker or stays is not None:
            unstoppable.append(each.tool.name)
    print("what could not be stopped: its caller has the answer at the deadline, the body may go on")
    print(f"  {', '.join(dict.fromkeys(unstoppable)) or 'nothing'}")
    if any(getattr(agent, "allow_delegation", False) for agent in _agents(target)):
        print("  an agent that delegates runs its coworker on the host; what that calls has its own limits")
    return 1 if faults else 0


def _agents(target: Any) -> Iterable[Any]:
    return getattr(target, "agents", None) or [target]


def _why_it_stays_on_host(tool: Any) -> str | None:
    from endstop.client.interpreter import interpreter
    from endstop.client.movable import CannotMove, movable
    from endstop.crewai.moving import movable_part

    if not hasattr(os, "fork"):
        return "this system has no fork"
    if (refusal := interpreter().get("refusal")) is not None:
        return str(refusal)
    try:
        movable(movable_part(tool))
    except CannotMove as problem:
        return problem.detail
    return None


def _effect(described: Description) -> str:
    if described["read_only"].value:
        return "only reads"
    if described["idempotent"].value:
        return "may be repeated"
    return "not declared, so it is taken to have effects (read_only, idempotent)"


def _limits(described: Description) -> str:
    """The deadline, and whatever somebody has said."""
    told = [
        f"{name} {'none' if limit.value is None else limit.value} ({limit.source})"
        for name, limit in described.items()
        if name == "timeout" or not limit.source.startswith("preset")
    ]
    return f"{', '.join(told)}; the rest as in preset {described['preset'].value}"
