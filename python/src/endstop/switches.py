"""What the environment turns off and on."""

from __future__ import annotations

import functools
import os
import warnings

_OFF = ("0", "false", "off", "no")
_ON = ("1", "true", "on", "yes")


def is_turned_off() -> bool:
    """Whether `ENDSTOP=0` (or false, off, no) is in the environment: then nothing of this package stands between a
    caller and its tools.
    """
    return not _is_on("ENDSTOP", default=True)


def is_debug_forced() -> bool:
    """Whether `ENDSTOP_DEBUG=1` (or true, on, yes) is in the environment."""
    return _is_on("ENDSTOP_DEBUG", default=False)


def _is_on(name: str, *, default: bool) -> bool:
    word = os.environ.get(name, "").strip().lower()
    if word in _OFF:
        return False
    if word in _ON:
        return True
    if word:
        _warn_once(name, word, "on" if default else "off")
    return default


@functools.cache
def _warn_once(name: str, word: str, taken: str) -> None:
    warnings.warn(
        f"{name} must be one of {', '.join(_ON + _OFF)}, got {word[:50]!r}: taken as {taken}",
        RuntimeWarning,
        stacklevel=4,
    )
