"""What CrewAI's own `run` and `invoke` get as `self`: the tool, with another body."""

from __future__ import annotations

from typing import Any


class StandIn:
    """Everything reaches the real tool, except the attributes given here.

    So CrewAI's own code validates the input and claims the use on the real tool, in the caller's thread, and only the
    body is ours.
    """

    __slots__ = ("_endstop_bodies", "_endstop_tool")

    def __init__(self, tool: Any, bodies: dict[str, Any]) -> None:
        object.__setattr__(self, "_endstop_tool", tool)
        object.__setattr__(self, "_endstop_bodies", bodies)

    def __getattribute__(self, name: str) -> Any:
        bodies = object.__getattribute__(self, "_endstop_bodies")
        if name in bodies:
            return bodies[name]
        return getattr(object.__getattribute__(self, "_endstop_tool"), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(object.__getattribute__(self, "_endstop_tool"), name, value)
