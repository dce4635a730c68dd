"""What the environment turns off."""

from __future__ import annotations

import os


def is_turned_off() -> bool:
    """Whether `ENDSTOP=0` is in the environment: then nothing of this package stands between a caller and its tools."""
    return os.environ.get("ENDSTOP") == "0"
