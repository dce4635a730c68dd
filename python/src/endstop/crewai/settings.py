"""`endstop.toml`: what `install()` is told without code, by the names of tools and agents. What code says wins."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from endstop._options import OPTIONS
from endstop.client.policy import nearest_wins

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILE_NAME = "endstop.toml"
NO_LIMIT = "none"
"""TOML has no null: this text takes a limit away."""


@dataclass(frozen=True)
class Settings:
    """What a file says, in the words of `install()`. `origin` names the file in errors."""

    origin: str
    limits: Mapping[str, Any] = field(default_factory=dict)
    tools: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    agents: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    resources: Mapping[str, int] = field(default_factory=dict)


def read_settings(folder: Path) -> Settings:
    """The `endstop.toml` of a folder; empty settings if there is none.

    Raises ValueError if it is no TOML, TypeError where it has something else than tables of limits.
    """
    path = folder / FILE_NAME
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))  # some editors begin a file with a mark
    except FileNotFoundError:
        return Settings(FILE_NAME)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise ValueError(f"{path} is no TOML: {problem}") from None
    tools, agents, resources = (content.pop(name, {}) for name in ("tools", "agents", "resources"))
    for name, tables in (("tools", tools), ("agents", agents)):
        if not isinstance(tables, dict) or not all(isinstance(each, dict) for each in tables.values()):
            raise TypeError(f"{path}: {name} must hold one table for each name, as [{name}.my_name]")
    return Settings(
        str(path),
        _with_none(content),
        {name: _with_none(table) for name, table in tools.items()},
        {name: _with_none(table) for name, table in agents.items()},
        resources,
    )


def merged(
    below: Mapping[str, Mapping[str, Any]], above: Mapping[str, Mapping[str, Any]]
) -> dict[str, Mapping[str, Any]]:
    """Policies by name, option by option; `above` wins."""
    return {
        name: nearest_wins(below.get(name, {}), above.get(name, {}))
        for name in [*below, *(above.keys() - below.keys())]
    }


def folded(role: str) -> str:
    """A role for comparing: `role: >` of a project's YAML ends with a newline, and case says nothing."""
    return " ".join(role.split()).casefold()


def merged_agents(
    below: Mapping[str, Mapping[str, Any]], above: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """The same by roles. Raises ValueError if one of the two names a role twice."""
    by_role: dict[str, tuple[str, dict[str, Any]]] = {}
    for level in (below, above):
        given: dict[str, str] = {}
        for name, policy in level.items():
            role = folded(name)
            if role in given:
                raise ValueError(f"agents names one role twice: {given[role]!r} and {name!r} are the same")
            given[role] = name
            by_role[role] = (name, {**(by_role[role][1] if role in by_role else {}), **policy})
    return dict(by_role.values())


def checked_policies(what: str, policies: Any) -> dict[str, dict[str, Any]]:
    """A copy. Raises TypeError for what is no dict of dicts by names."""
    if policies is not None and not isinstance(policies, Mapping):
        raise TypeError(f"{what} must be a dict of limits by name, got {policies!r}")
    for name, policy in (policies or {}).items():
        if not isinstance(name, str):
            raise TypeError(f"{what} must have names as keys, got {name!r}")
        if not isinstance(policy, Mapping):
            raise TypeError(f"{what}[{name!r}] must be a dict of limits, got {policy!r}")
    return {name: dict(policy) for name, policy in (policies or {}).items()}


def _with_none(table: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: None if value == NO_LIMIT and name in OPTIONS and OPTIONS[name].nullable else value
        for name, value in table.items()
    }
