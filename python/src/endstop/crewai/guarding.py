"""Which tools are guarded, and on what terms."""

from __future__ import annotations

import json
import logging
import threading
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crewai.tools import BaseTool
from crewai.utilities.agent_utils import DELEGATION_TOOL_NAMES

from endstop.client.default_placement import places_in_workers, tell_it_stays, why_default_passes_over
from endstop.client.policy import nearest_wins, why_misplaced
from endstop.client.session import CallRequest, Session
from endstop.client.staying import why_it_stays
from endstop.client.unset import UNSET
from endstop.crewai import runs
from endstop.crewai.admitting import Admitting
from endstop.crewai.declared import declared_policy
from endstop.crewai.moving import movable_part
from endstop.crewai.patches import Patches
from endstop.crewai.rendering import tool_name
from endstop.crewai.rules import Rules
from endstop.crewai.stops import Stops
from endstop.crewai.tally import Tally
from endstop.crewai.warming import WarmUp

_log = logging.getLogger("endstop")

OWN_POLICY = "__endstop_policy__"
"""Key in the `__dict__` of a tool given to `guard()`: it goes where the tool is copied to."""

Policy = Mapping[str, Any]
"""A policy as it is sent to the engine."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How one tool is guarded."""

    name: str
    policy: Policy

    @property
    def is_poller(self) -> bool:
        return bool(self.policy.get("poller"))

    @property
    def sets_timeout(self) -> bool:
        return "timeoutMs" in self.policy


class Guarding:
    """A session with the engine and the tools that go through it.

    `everything`: `install()` was called, so all tools are guarded; else those given to `guard()`. `sets_timeout`: the
    user named a timeout for all of them. `policies` go by the names that models see.
    """

    def __init__(
        self,
        session: Session,
        patches: Patches,
        admitting: Admitting,
        warm_up: WarmUp,
        rules: Rules,
        options: Policy,
        *,
        everything: bool,
        sets_timeout: bool,
        policies: Mapping[str, Policy],
        on_run_end: str,
        max_batch: int | None,
    ) -> None:
        self.session = session
        self.patches = patches
        self.admitting = admitting
        self.warm_up = warm_up
        self.rules = rules
        self.tally = Tally()
        self.stops = Stops()
        self.everything = everything
        self.sets_timeout = sets_timeout
        self.on_run_end = on_run_end
        self.max_batch = max_batch
        """How many native calls of one answer run at once; None is as on plain CrewAI."""
        self._policies = policies
        self.options = options
        self._places_in_workers = places_in_workers(options)
        self._stay: dict[str, tuple[weakref.ref[Any], Policy, bool]] = {}
        """By name: the tool that was looked at, its policy, and whether it stays on the host for all that."""
        self._registered: dict[str, Policy] = {}
        self._told: set[tuple[str, str]] = set()
        """Tools and their limits that are in force nowhere."""
        self._lock = threading.Lock()

    def terms(self, tool: Any, name: str | None = None) -> Terms | None:
        """The terms of a tool, or None if it is not guarded. The engine knows the tool afterwards.

        `name`: what a function that is no tool is called.
        """
        own = own_policy(tool)
        if own is None and not self.everything:
            return None
        name = tool_name(name or getattr(tool, "name", None) or getattr(tool, "__name__", type(tool).__name__))
        policy = self.policy_of(tool, name, own or {})
        if policy.get("cache") and _decides_on_caching(tool):
            policy["cache"] = False
        if self._places_in_workers and self._stays_by_default(tool, name, policy):
            policy["placement"] = "host"
        with self._lock:
            if self._registered.get(name) != policy:
                for option, reason in why_misplaced(policy, self.options):
                    if (name, option) not in self._told:
                        self._told.add((name, option))
                        _log.warning("%s: %s is in force nowhere: %s.", name, option, reason)
                self.session.register(name, policy)
                self._registered[name] = policy
                self.rules.saw_tool(name)
                self.rules.saw_resources(policy.get("resources", ()))
        return Terms(name, policy)

    def policy_of(self, tool: Any, name: str, own: Policy) -> dict[str, Any]:
        """What everybody says of a tool; `own` is what `guard()` was given."""
        policies = self._policies.get(tool_name(name), {})
        return nearest_wins(_what_crewai_says(tool, name), declared_policy(tool), policies, own)

    def _stays_by_default(self, tool: Any, name: str, policy: Policy) -> bool:
        part = getattr(tool, "_original_tool", None) or tool
        known = self._stay.get(name)
        if known is None or known[0]() is not part or known[1] != policy:
            reason = why_default_passes_over(movable_part(part), policy, self.options)
            if known is None and reason is not None and why_it_stays(part) is None:
                tell_it_stays(name, reason)
            known = self._stay[name] = (weakref.ref(part), dict(policy), reason is not None)
        return known[2]

    @property
    def has_engine(self) -> bool:
        """Whether the engine decides: without it CrewAI's own search for repetitions must go on."""
        return self.admitting.fallback is None

    def agents_call(
        self,
        terms: Terms,
        tool_input: Any,
        agent: Any,
        task: Any,
        turn: str | None = None,
        request_id: str | None = None,
    ) -> CallRequest:
        """What an agent asks. It ends when the agent's own time is over.

        `request_id`: the model's id of the request. CrewAI's repetition has the same; since some models give the same
        id in their next answer, it only counts together with the turn.
        """
        if runs.current_run.get() is None:
            # An agent asks outside of any run: maybe the seam of its kickoff was taken away, which it could not notice.
            self.patches.mend_if_gone(("kickoff",))
        names = [turn, request_id, _id_of(agent), _id_of(task)]
        return CallRequest(
            tool=terms.name,
            input=tool_input,
            run=runs.current_run_id(self.session),
            agent=_id_of(agent),
            agent_name=self.rules.agent(agent),
            task=runs.name_of_task(_id_of(task)),
            turn=turn,
            request_id=None if turn is None or request_id is None else json.dumps(names),
            subject=_coworker(terms, tool_input),
            # Code that calls a model itself, again and again, is no agent that loops.
            by_code=agent is None and runs.names()[1] is None,
            within_ms=runs.remaining_ms(),
        )

    def codes_call(self, terms: Terms, tool_input: Any) -> CallRequest:
        """What code asks by itself. It keeps its thread, and so has no deadline, unless the user set one."""
        bounded = terms.sets_timeout or self.sets_timeout
        return CallRequest(
            tool=terms.name,
            input=tool_input,
            run=runs.current_run_id(self.session),
            by_code=True,
            subject=_coworker(terms, tool_input),
            timeout_ms=UNSET if bounded else None,
            within_ms=runs.remaining_ms() if bounded else None,
        )


def _what_crewai_says(tool: Any, name: str) -> Policy:
    """What a tool waits for, by what it is: it decides the engine's default timeout."""
    if name in DELEGATION_TOOL_NAMES:
        return {"kind": "delegation"}
    if type(tool).__module__.startswith("crewai.tools.mcp"):
        return {"kind": "mcp"}
    return {}


def _decides_on_caching(tool: Any) -> bool:
    """Whether it has a `cache_function` of its own: only CrewAI's cache asks that."""
    decide = getattr(tool, "cache_function", None)
    return decide is not None and decide is not BaseTool.model_fields["cache_function"].default


def _coworker(terms: Terms, tool_input: Any) -> str | None:
    """Whom a delegation goes to: re-entries count for each coworker."""
    if terms.policy.get("kind") != "delegation" or not isinstance(tool_input, Mapping):
        return None
    coworker = tool_input.get("coworker")
    return coworker.strip().casefold() if isinstance(coworker, str) else None


def own_policy(tool: Any) -> Policy | None:
    """What `guard()` wrote on a tool, or on the tool that this one was made from."""
    for candidate in (tool, getattr(tool, "_original_tool", None)):
        policy = getattr(candidate, "__dict__", {}).get(OWN_POLICY)
        if policy is not None:
            return policy  # type: ignore[no-any-return]
    return None


def _id_of(owner: Any) -> str | None:
    identity = getattr(owner, "id", None)
    return None if identity is None else str(identity)


_active: Guarding | None = None


def active() -> Guarding | None:
    """What guards the tools now, or None."""
    return _active


def activate(guarding: Guarding | None) -> None:
    """Makes it the one, or with None: no tool is guarded."""
    global _active
    _active = guarding
