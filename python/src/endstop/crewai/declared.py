"""`tool.endstop = {...}`: limits that a tool brings along."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from endstop.client.policy import policy_for_wire
from endstop.importing import when_imported

ATTRIBUTE = "endstop"
_STORED = "__endstop_declared__"
"""Key in the `__dict__` of a tool: it goes where the tool is copied to."""


def place() -> None:
    """Lets CrewAI's tools take the attribute, which pydantic would refuse, from the import of their module on, also
    where nothing is guarded. A subclass may define it itself.
    """
    when_imported("crewai.tools.base_tool", _place)


def _place() -> None:
    from crewai.tools.base_tool import BaseTool
    from crewai.tools.structured_tool import CrewStructuredTool

    for owner in (BaseTool, CrewStructuredTool):
        if ATTRIBUTE not in vars(owner):
            setattr(owner, ATTRIBUTE, _declaration)


def declared_policy(tool: Any) -> Mapping[str, Any]:
    """What a tool, or the one it was made from, says of itself, as it is sent. Raises as `policy_for_wire` does."""
    for candidate in (tool, getattr(tool, "_original_tool", None)):
        limits = getattr(candidate, ATTRIBUTE, None)
        # An object that has every attribute, as a mock, declares nothing by this one.
        if limits is not None and inspect.getattr_static(candidate, ATTRIBUTE, None) is not None:
            return policy_for_wire(f"{getattr(tool, 'name', tool)!s}.{ATTRIBUTE}", _checked(limits))
    return {}


def _get(tool: Any) -> Any:
    return tool.__dict__.get(_STORED)


def _set(tool: Any, limits: Any) -> None:
    policy_for_wire(f"{tool.name}.{ATTRIBUTE}", _checked(limits))
    tool.__dict__[_STORED] = dict(limits)


def _checked(limits: Any) -> Mapping[str, Any]:
    if not isinstance(limits, Mapping):
        raise TypeError(f"{ATTRIBUTE} of a tool must be a dict of limits, got {limits!r}")
    return limits


_declaration = property(_get, _set)
