"""The limits of a tool as users write them, as the wire's policy."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from endstop.durations import optional_duration_ms


def policy_for_wire(what: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Translates `timeout`, `limit`, `limit_per_run`, `placement` and `poller`; what is left out stays out.

    `timeout`: of one attempt, seconds or a text such as "30s", None is none; its clock starts with the body.
    `limit`: calls in all, `limit_per_run`: calls of one run, None is none. `placement`: "host" or "worker".
    `poller`: True for a tool that is meant to be asked again until its answer changes.

    Raises TypeError for an unknown option (names the nearest known) or a wrong type, ValueError for a wrong value;
    both name `what` and the value.
    """
    policy = {}
    for name, value in options.items():
        known = _OPTIONS.get(name)
        if known is None:
            raise TypeError(f"{what} has no option {name!r}. {suggestion(name, _OPTIONS)}")
        wire_name, read = known
        policy[wire_name] = read(value, f"{what}: {name}")
    return policy


def count(value: object, option: str) -> int:
    """A whole number of at least 1. Raises TypeError or ValueError with the value."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{option} must be a whole number, got {value!r}")
    if not isinstance(value, int):
        raise ValueError(f"{option} must be a whole number, got {value!r}")
    if not 1 <= value < 2**53:
        raise ValueError(f"{option} must be at least 1, got {value!r}")
    return value


def _optional_count(value: object, option: str) -> int | None:
    return None if value is None else count(value, option)


def _placement(value: object, option: str) -> str:
    if value not in ("host", "worker"):
        raise ValueError(f'{option} must be "host" or "worker", got {value!r}')
    return str(value)


def _flag(value: object, option: str) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{option} must be True or False, got {value!r}")
    return value


_OPTIONS: dict[str, tuple[str, Callable[[object, str], Any]]] = {
    "timeout": ("timeoutMs", optional_duration_ms),
    "limit": ("maxCalls", _optional_count),
    "limit_per_run": ("maxCallsPerRun", _optional_count),
    "placement": ("placement", _placement),
    "poller": ("poller", _flag),
}


def suggestion(name: str, known: Iterable[str]) -> str:
    """A sentence that helps to find the right name."""
    names = list(known)
    nearest = difflib.get_close_matches(name, names, n=3)
    if nearest:
        return f"Did you mean {', '.join(nearest)}?"
    return f"Known are {', '.join(names[:20])}." if names else "No tools are registered."
