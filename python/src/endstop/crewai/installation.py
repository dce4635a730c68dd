"""The installation itself: the seams in place, and the session behind them."""

from __future__ import annotations

import atexit
import os
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from crewai.tools.base_tool import BaseTool
from crewai.tools.structured_tool import CrewStructuredTool

from endstop.client.closures import closure_warnings
from endstop.client.policy import nearest_wins, why_misplaced
from endstop.client.session import Session, end_engine_if_unused
from endstop.crewai import guarding, seams
from endstop.crewai.admitting import Admitting, WithoutEngine
from endstop.crewai.batches import CREWAIS_OWN
from endstop.crewai.declared import declared_policy
from endstop.crewai.figures import Report
from endstop.crewai.guarding import OWN_POLICY, Guarding, Policy
from endstop.crewai.patches import Patches
from endstop.crewai.rendering import tool_name
from endstop.crewai.rules import Rules
from endstop.crewai.settings import merged
from endstop.crewai.versions import NEWEST_TESTED_VERSION, OLDEST_VERSION, installed_version, is_newer_than_tested
from endstop.crewai.warming import WarmUp

_reported: Guarding | None = None
"""The latest one: its report can still be read when it is over."""


def start(
    *,
    options: Policy,
    everything: bool,
    policies: Mapping[str, Policy],
    policies_of_file: Mapping[str, Policy],
    on_run_end: str,
    max_batch: int | None,
    without_engine: WithoutEngine,
) -> None:
    """Guards CrewAI's tools on these terms, and no longer on the terms before.

    Raises ImportError if this CrewAI lacks a seam and is no newer than the newest tested one; of a newer one that
    lacks a seam it warns.
    """
    named = merged(_by_tool_name(policies_of_file), _by_tool_name(policies))
    rules = Rules(
        {tool_name(name): name for name in [*policies_of_file, *policies]},
        options.get("agents", {}),
        options.get("resources", {}),
    )
    stop()
    session = Session(options)
    patches = Patches()
    missing = seams.place_all(patches)
    if missing:
        _report(missing, patches)
    global _reported
    _reported = Guarding(
        session,
        patches,
        Admitting(session, options, without_engine),
        WarmUp(session, [options, *named.values()]),
        rules,
        options,
        everything=everything,
        sets_timeout="timeoutMs" in options,
        policies=named,
        on_run_end=on_run_end,
        max_batch=max_batch,
    )
    guarding.activate(_reported)


def stop() -> None:
    """Puts CrewAI back and closes the session."""
    guard = guarding.active()
    if guard is not None:
        guarding.activate(None)
        guard.patches.restore()
        guard.session.close()
        guard.rules.tell_unmatched()


def _tell_at_exit(process: int) -> None:
    guard = guarding.active()
    if guard is not None and os.getpid() == process:  # a forked child leaves it to its parent
        guard.rules.tell_unmatched()


atexit.register(_tell_at_exit, os.getpid())


def end() -> None:
    """The same for good: the engine ends too, unless somebody else uses it."""
    stop()
    end_engine_if_unused()


def report() -> Report | None:
    """Of the installation, also after its end; None if there was none."""
    if _reported is None:
        return None
    fallback = _reported.admitting.fallback
    return _reported.tally.report(None if fallback is None else str(fallback.reason))


def describe(tool: Any, agent: Any) -> dict[str, dict[str, Any]] | None:
    """The limits in force for a tool as the engine names them; None if it is not guarded."""
    guard = guarding.active()
    terms = guard.terms(tool) if guard is not None else None
    if guard is None or terms is None:
        return None
    return guard.session.describe(terms.name, guard.rules.agent(agent))


def batch_limit() -> tuple[int, str]:
    """How many native calls of one answer run at once, and who says so."""
    guard = guarding.active()
    said = None if guard is None else guard.max_batch
    return (CREWAIS_OWN, "crewai") if said is None else (said, "engine")


def closure_warnings_of(tool: Any) -> list[str]:
    """Without those about fields that every tool has."""
    own = tuple(f"self.{field} " for field in BaseTool.model_fields)
    return [warning for warning in closure_warnings(tool) if not warning.startswith(own)]


def misplaced(tool: Any, own: Policy) -> Iterator[tuple[str, str]]:
    """Limits of a tool with a policy of its own that nothing would hold, as things stand now: names and reasons."""
    guard = guarding.active()
    if guard is None:
        return why_misplaced(nearest_wins(declared_policy(tool), own), {})
    return why_misplaced(guard.policy_of(tool, getattr(tool, "name", ""), own), guard.options)


def set_own_policy(tool: Any, policy: Policy) -> None:
    """Writes a policy on a tool."""
    if not isinstance(tool, (BaseTool, CrewStructuredTool)):
        raise TypeError(f"guard() takes a CrewAI tool, got {tool!r}")
    tool.__dict__[OWN_POLICY] = dict(policy)


def _by_tool_name(policies: Mapping[str, Policy]) -> dict[str, Policy]:
    """Keyed by the names that models see. Raises ValueError if two of the names given are one tool."""
    named: dict[str, Policy] = {}
    given: dict[str, str] = {}
    for name, policy in policies.items():
        seen_as = tool_name(name)
        if seen_as in named:
            raise ValueError(f"tools names one tool twice: {given[seen_as]!r} and {name!r} are both {seen_as}")
        named[seen_as], given[seen_as] = policy, name
    return named


def _report(missing: list[str], patches: Patches) -> None:
    version = installed_version() or "of unknown version"
    names = ", ".join(missing)
    if not is_newer_than_tested(version):
        patches.restore()
        raise ImportError(
            f"endstop.crewai needs crewai {OLDEST_VERSION} or newer, found {version}, which has no {names}"
        )
    warnings.warn(
        f"endstop.crewai is tested up to crewai {NEWEST_TESTED_VERSION}. In crewai {version} it does not find {names}: "
        "tool calls that go that way are not guarded.",
        RuntimeWarning,
        stacklevel=4,
    )
