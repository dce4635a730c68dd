"""The names in `install(tools=…, agents=…, resources=…)` and `endstop.toml`: whom each means, and which mean nobody."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from endstop.client.policy import suggestion
from endstop.crewai.rendering import tool_name
from endstop.crewai.settings import folded


class Rules:
    """Of one installation. What has matched nothing when that ends, or the program, is told in one warning.

    Not before: the crew that it means may come later.
    """

    def __init__(self, tools: Mapping[str, str], agents: Iterable[str], resources: Iterable[str]) -> None:
        """`tools`: what the user wrote, by the name that models see."""
        self._agents = {folded(name): name for name in agents}
        self._waiting = {
            "tools": dict(tools),
            "agents": dict(self._agents),
            "resources": {name: name for name in resources},
        }
        self._seen: dict[str, set[str]] = {"tools": set(), "agents": set(), "resources": set()}
        self._had_kickoff = False
        self._lock = threading.Lock()

    def agent(self, agent: Any) -> str | None:
        """The name of the rule for an agent, by its role as filled in or as written; its role if there is none.

        `agent` may be its role itself.
        """
        roles = _roles(agent)
        rule = next((self._agents[role] for each in roles if (role := folded(each)) in self._agents), None)
        return rule if rule is not None else next(iter(roles), None)

    def saw_agent(self, agent: Any, tools: Iterable[Any] | None = None) -> None:
        """An agent takes part in a kickoff. `tools`: those that it has besides its own."""
        for role in _roles(agent):
            self._saw("agents", folded(role), " ".join(role.split()))
        for each in (*(getattr(agent, "tools", None) or ()), *(tools or ())):
            self.saw_tool(getattr(each, "name", None))

    def saw_crew(self, crew: Any) -> None:
        """The same of all agents and tasks of a crew, whether or not they come to work."""
        for agent in (*(getattr(crew, "agents", None) or ()), getattr(crew, "manager_agent", None)):
            self.saw_agent(agent)
        for task in getattr(crew, "tasks", None) or ():
            self.saw_agent(getattr(task, "agent", None), getattr(task, "tools", None))

    def saw_tool(self, name: Any) -> None:
        if isinstance(name, str):
            self._saw("tools", tool_name(name), tool_name(name))

    def saw_resources(self, names: Iterable[str]) -> None:
        for name in names:
            self._saw("resources", name, name)

    def _saw(self, what: str, key: str, name: str) -> None:
        if name not in self._seen[what]:
            with self._lock:
                self._seen[what].add(name)
                self._waiting[what].pop(key, None)

    def kickoff_ended(self) -> None:
        """Where nothing was kicked off, nothing is told."""
        self._had_kickoff = True

    def tell_unmatched(self) -> None:
        """Nothing more can match."""
        if not self._had_kickoff:
            return
        with self._lock:
            told = [self._told(what) for what, waiting in self._waiting.items() if waiting]
            for waiting in self._waiting.values():
                waiting.clear()
        if told:
            warnings.warn(
                f"Limits given to endstop.crewai hold for nothing: {' '.join(told)} See install() and endstop.toml.",
                RuntimeWarning,
                stacklevel=2,
            )

    def _told(self, what: str) -> str:
        names = [" ".join(name.split()) for name in self._waiting[what].values()]
        nobody = {
            "tools": "no agent has had a tool named",
            "agents": "no agent has had the role",
            "resources": "no tool has named the resource",
        }[what]
        seen = sorted(self._seen[what])
        return " ".join(
            f"{nobody} {name!r}. {suggestion(name, seen) if seen else 'There was none at all.'}" for name in names
        )


def _roles(agent: Any) -> list[str]:
    """As filled in, then as written."""
    if isinstance(agent, str):
        return [agent]
    roles = [getattr(agent, "role", None), getattr(agent, "_original_role", None)]
    return [role for role in dict.fromkeys(roles) if isinstance(role, str)]
