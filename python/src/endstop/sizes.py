"""Sizes as users write them, in bytes."""

from __future__ import annotations

import re

_UNITS_BYTES = {"b": 1, "kb": 1_000, "mb": 1_000_000, "gb": 1_000_000_000}
_PATTERN = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)", re.ASCII | re.IGNORECASE)


def size_bytes(value: object, option: str) -> int:
    """Bytes of a whole number of bytes, or of a text such as `"256MB"` or `"20 kB"`; decimal units.

    Raises TypeError for another type, ValueError for what is not a positive size; both name `option` and the value.
    """
    if isinstance(value, str):
        size = _parse(value, option)
    elif isinstance(value, int) and not isinstance(value, bool):
        size = value
    else:
        raise TypeError(f'{option} must be a number of bytes or a text such as "256MB", got {value!r}')
    if not 1 <= size < 2**53:
        raise ValueError(f"{option} must be at least 1 byte, got {value!r}")
    return size


def _parse(text: str, option: str) -> int:
    match = _PATTERN.fullmatch(text.strip())
    if match is None:
        raise ValueError(f'{option} must be a size such as "256MB" or "20kB", got {text!r}')
    unit_bytes = _UNITS_BYTES.get(match[2].lower())
    if unit_bytes is None:
        raise ValueError(f"{option} has an unknown unit, known are B, kB, MB and GB: got {text!r}")
    return round(float(match[1]) * unit_bytes)
