"""Durations as users write them, in milliseconds, and as messages show them."""

from __future__ import annotations

import math
import re

_UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000}
_PATTERN = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)", re.ASCII)
# What the engine's timers hold: 2^31 − 1 ms, almost 25 days.
MAX_DURATION_MS = 2_147_483_647


def duration_ms(value: object, option: str) -> float:
    """Milliseconds of a number of seconds, or of a text such as `"500ms"`, `"30s"`, `"2m"`, `"1.5h"`.

    Raises TypeError for another type, ValueError for what is not a positive finite duration of at most 24 days; both
    name `option` and the value.
    """
    if isinstance(value, str):
        milliseconds = _parse(value, option)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        milliseconds = value * 1_000
    else:
        raise TypeError(f'{option} must be a number of seconds or a text such as "30s", got {value!r}')
    if not math.isfinite(milliseconds) or milliseconds <= 0:
        raise ValueError(f"{option} must be finite and above 0, got {value!r}")
    if milliseconds > MAX_DURATION_MS:
        raise ValueError(f"{option} must be at most 24 days, got {value!r}")
    return milliseconds


def optional_duration_ms(value: object, option: str) -> float | None:
    """The same; None stays None, which is no deadline."""
    return None if value is None else duration_ms(value, option)


def _parse(text: str, option: str) -> float:
    match = _PATTERN.fullmatch(text.strip())
    if match is None:
        raise ValueError(f'{option} must be a duration such as "30s" or "500ms", got {text!r}')
    unit_ms = _UNITS_MS.get(match[2])
    if unit_ms is None:
        raise ValueError(f"{option} has an unknown unit, known are ms, s, m and h: got {text!r}")
    return float(match[1]) * unit_ms


def format_duration(milliseconds: float) -> str:
    """As the engine's messages show it: `350 ms`, `2 s`, `1.5 s`, `2 min`."""
    if milliseconds < 1_000:
        return f"{round(milliseconds)} ms"
    if milliseconds < 120_000:
        return f"{_short(milliseconds / 1_000)} s"
    return f"{_short(milliseconds / 60_000)} min"


def _short(number: float) -> str:
    return f"{round(number, 2 if number < 10 else 1):g}"
