"""An engine's, or an agent's, `placement="worker"` passes over a tool that cannot go there; the tool's own refuses."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextvars import copy_context
from functools import partial
from typing import Any

from endstop._options import OPTIONS
from endstop.client.endings import not_sent, run_described
from endstop.client.movable import movable
from endstop.host.bodies import BodyEnd, body_threads, run_until

PATIENCE_MS = 10_000.0
"""A tool that is not ready to be sent within this time, as it is registered, stays on the host."""

_log = logging.getLogger("endstop")


def why_default_passes_over(tool: Any, policy: Mapping[str, Any], options: Mapping[str, Any]) -> str | None:
    """Why the tool stays on the host although `options`, an engine's, place tools in workers; None if it does not.

    A `policy` of its own that names a placement, or a limit that only a worker can hold, is obeyed.
    """
    if not places_in_workers(options) or "placement" in policy:
        return None
    if any(option.where == "worker" and policy.get(option.wire) is not None for option in OPTIONS.values()):
        return None

    key = ("default placement", getattr(tool, "name", ""))
    try:
        # What it does as it is pickled may hang, or end the program.
        end = run_until(partial(run_described, partial(_try, tool)), copy_context(), PATIENCE_MS, key)
    except RuntimeError as problem:
        end = BodyEnd(no_thread=str(problem))
    finally:
        body_threads.release(key)
    return not_sent(end).get("detail")


def _try(tool: Any) -> None:
    movable(tool)


def places_in_workers(options: Mapping[str, Any]) -> bool:
    """Whether an engine with these options, or one of its agents, has tools run in workers unless they say else."""
    return "worker" in (options.get("placement"), *(own.get("placement") for own in options.get("agents", {}).values()))


def placement_of(policy: Mapping[str, Any], options: Mapping[str, Any], agent: str | None) -> str:
    """Where the engine will place a tool's call, so that the body can be sent along: tool, agent, engine."""
    own = options.get("agents", {}).get(agent, {})
    return next((each["placement"] for each in (policy, own, options) if "placement" in each), "host")


def tell_it_stays(name: str, reason: str) -> None:
    """What was asked for and is not done."""
    _log.warning(
        '%s runs on the host, where it cannot be stopped, although placement="worker" holds for all tools: %s.',
        name,
        reason,
    )
