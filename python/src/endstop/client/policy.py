"""Limits as users write them, as they go over the wire: docs/limits.md lists them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from endstop._options import OPTIONS, Option
from endstop.durations import duration_ms
from endstop.sizes import size_bytes

_MAX_COMPARED_CHARACTERS = 200
_RATE = re.compile(r"\s*(\d+)\s*/([^/]+)", re.ASCII)


def policy_for_wire(what: str, options: Mapping[str, Any], level: str = "tool") -> dict[str, Any]:
    """Translates the options given at a level: "engine", "agent" or "tool". What is left out stays out.

    Raises TypeError for an unknown option (names the nearest known) or a wrong type, ValueError for a wrong value;
    both name `what` and the value.
    """
    policy = {}
    for name, value in options.items():
        option = OPTIONS.get(name)
        if option is None or level not in option.levels:
            known = [each.name for each in OPTIONS.values() if level in each.levels]
            raise TypeError(f"{what} has no option {name!r}. {suggestion(name, known)}")
        policy[option.wire] = _read(option, value, f"{what}: {name}")
    _refuse_contradictions(what, policy)
    return policy


def nearest_wins(*policies: Mapping[str, Any]) -> dict[str, Any]:
    """Policies of one tool as one, option by option; the last is the nearest.

    What a nearer one says takes away what cannot be beside it.
    """
    result: dict[str, Any] = {}
    for policy in policies:
        for one, other, _ in _CONTRADICTIONS:
            for said, gone in ((one, other), (other, one)):
                if policy.get(said.wire) and gone.wire not in policy:
                    result.pop(gone.wire, None)
        result.update(policy)
    return result


_CONTRADICTIONS = [(option, OPTIONS[other], reason) for option in OPTIONS.values() for other, reason in option.excludes]


def _refuse_contradictions(what: str, policy: Mapping[str, Any]) -> None:
    for option, other, reason in _CONTRADICTIONS:
        if policy.get(option.wire) and policy.get(other.wire):
            raise ValueError(f"{what} cannot have both {option.name} and {other.name}: {reason}")


def why_misplaced(policy: Mapping[str, Any], engine: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Limits in a tool's policy that nothing would hold, since they bound bodies elsewhere: each name with the reason.

    Where the engine or an agent says "worker", and the tool nothing, it may run in either place.
    """
    if "placement" in policy:
        placements = {policy["placement"]}
    else:
        agents = engine.get("agents", {}).values()
        placements = {"host", engine.get("placement"), *(own.get("placement") for own in agents)}
    for option in OPTIONS.values():
        if option.where is None or option.where in placements or policy.get(option.wire) is None:
            continue
        if option.where == "worker":
            reason = 'it bounds a body in a worker, and this one runs on the host. Add placement="worker"'
        else:
            reason = "it bounds a body on the host, and this one runs in a worker"
        yield option.name, reason


def refuse_misplaced(what: str, policy: Mapping[str, Any], engine: Mapping[str, Any]) -> None:
    """Raises ValueError for the first of them."""
    for name, reason in why_misplaced(policy, engine):
        raise ValueError(f"{what} cannot have {name}: {reason}")


def engine_options_for_wire(
    what: str,
    options: Mapping[str, Any],
    agents: Mapping[str, Mapping[str, Any]] | None,
    resources: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """Translates the options of an engine and of its agents, by their names. Raises as `policy_for_wire` does."""
    wire = policy_for_wire(what, options, "engine")
    if resources is not None:
        if not isinstance(resources, Mapping):
            raise TypeError(f"{what}: resources must be a dict of counts by the resource's name, got {resources!r}")
        for name in resources:
            require_name(name, f"{what}: the name of a resource")
        wire["resources"] = {
            name: count(permits, f"{what}: resources[{name!r}]") for name, permits in resources.items()
        }
    if agents is None:
        return wire
    if not isinstance(agents, Mapping):
        raise TypeError(f"{what}: agents must be a dict of options by the agent's role, got {agents!r}")
    for name, own in agents.items():
        require_name(name, f"{what}: the role of an agent")
        if not isinstance(own, Mapping):
            raise TypeError(f"{what}: agents[{name!r}] must be a dict of limits, got {own!r}")
    named = {name: policy_for_wire(f"{what}: agents[{name!r}]", own, "agent") for name, own in agents.items()}
    return {**wire, "agents": named}


def _read(option: Option, value: object, name: str) -> Any:
    if value is None:
        if option.nullable:
            return None
        raise TypeError(f"{name} cannot be None")
    if option.kind == "duration":
        return duration_ms(value, name)
    if option.kind == "size":
        return size_bytes(value, name)
    if option.kind == "count":
        return _within(count(value, name), option, name)
    if option.kind == "rate":
        return _rate(value, name)
    if option.kind == "flag":
        return _flag(value, name)
    if option.kind == "names":
        return _names(value, name)
    return _choice(value, option.choices, name)


def count(value: object, option: str) -> int:
    """A whole number of at least 1. Raises TypeError or ValueError with the value."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{option} must be a whole number, got {value!r}")
    if not isinstance(value, int):
        raise ValueError(f"{option} must be a whole number, got {value!r}")
    if not 1 <= value < 2**53:
        raise ValueError(f"{option} must be at least 1, got {value!r}")
    return value


def _within(value: int, option: Option, name: str) -> int:
    if value < option.min:
        raise ValueError(f"{name} must be at least {option.min}, got {value!r}")
    if option.max is not None and value > option.max:
        raise ValueError(f"{name} must be at most {option.max}, got {value!r}")
    return value


def _rate(value: object, option: str) -> str:
    if not isinstance(value, str):
        raise TypeError(f'{option} must be a text such as "10/1m", got {value!r}')
    match = _RATE.fullmatch(value)
    if match is None:
        raise ValueError(f'{option} must be starts per window such as "10/1m", got {value!r}')
    count(int(match[1]), option)
    duration_ms(match[2], option)
    return value


def _flag(value: object, option: str) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{option} must be True or False, got {value!r}")
    return value


def _names(value: object, option: str) -> list[str]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise TypeError(f"{option} must be a list of names, got {value!r}")
    for name in value:
        if not isinstance(name, str) or not name:
            raise TypeError(f"{option} must have names, got {name!r}")
        require_name(name, option)
    return list(value)


def require_name(name: object, what: str) -> None:
    """Raises TypeError for what is no text, ValueError for one that has no encoding: no engine can be told of it."""
    if not isinstance(name, str):
        raise TypeError(f"{what} must be a text, got {name!r}")
    if not name.isascii():
        try:
            name.encode()
        except UnicodeEncodeError:
            raise ValueError(f"{what} must be valid Unicode, got {name!r}") from None


def _choice(value: object, choices: tuple[str, ...], option: str) -> str:
    if value not in choices:
        known = " or ".join(f'"{choice}"' for choice in choices)
        raise ValueError(f"{option} must be {known}, got {value!r}")
    return str(value)


def suggestion(name: str, known: Iterable[str]) -> str:
    """A sentence that helps to find the right name."""
    names = list(known)
    # To compare takes as long as the product of the lengths, and a model may send any name.
    nearest = [] if len(name) > _MAX_COMPARED_CHARACTERS else difflib.get_close_matches(name, names, n=3)
    if nearest:
        return f"Did you mean {', '.join(nearest)}?"
    return f"Known are {', '.join(names[:20])}." if names else "No tools are registered."
