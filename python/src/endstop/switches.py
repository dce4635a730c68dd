"""What the environment turns off."""

from __future__ import annotations

import os

_OFF = ("0", "false", "off", "no")


def is_turned_off() -> bool:
    """Whether `ENDSTOP=0` (or false, off, no) is in the environment: then nothing of this package stands between a
    caller and its tools.
    """
    return os.environ.get("ENDSTOP", "").strip().lower() in _OFF
