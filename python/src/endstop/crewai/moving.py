"""What of a CrewAI tool goes to a worker, and why it might not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from crewai.tools.base_tool import Tool


def part_to_move(body: Callable[..., Any]) -> Any:
    """The function under a `@tool`, which mostly is importable; the tool around it would bring all of CrewAI along."""
    owner = getattr(body, "__self__", None)
    return owner.func if isinstance(owner, Tool) and getattr(body, "__name__", "") == "_run" else body


def movable_part(tool: Any) -> Any:
    """The same of a tool, or of a function that is none."""
    return part_to_move(getattr(tool, "_run", None) or getattr(tool, "func", None) or tool)
