"""The limits in force, as a user reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from endstop._options import OPTIONS, Option


@dataclass(frozen=True, slots=True)
class EffectiveLimit:
    """A limit and who said it.

    `value`: durations in seconds, sizes in bytes, None is no limit. `source`: "preset standard", "engine",
    "agent Researcher" or "tool".
    """

    value: Any
    source: str


class Description(dict[str, EffectiveLimit]):
    """The limits by the names that options have in Python. `warnings`: what of the tool would be a copy in a worker."""

    warnings: tuple[str, ...] = ()


def effective_limits(described: Mapping[str, Mapping[str, Any]], warnings: Iterable[str] = ()) -> Description:
    """As `describe()` gives them."""
    limits = Description(
        (option.name, EffectiveLimit(_shown(option, described[option.wire]["value"]), described[option.wire]["from"]))
        for option in OPTIONS.values()
    )
    limits.warnings = tuple(warnings)
    return limits


def no_limits() -> Description:
    """What holds with `ENDSTOP=0`: nothing, on the host."""
    return Description(
        (option.name, EffectiveLimit("host" if option.name == "placement" else None, "ENDSTOP=0"))
        for option in OPTIONS.values()
    )


def _shown(option: Option, value: Any) -> Any:
    if value is None:
        return None
    if option.kind == "duration":
        return value / 1_000
    if option.kind == "rate":
        return f"{value['starts']}/{value['windowMs']:g}ms"
    if option.kind == "names":
        return tuple(value)
    return value
