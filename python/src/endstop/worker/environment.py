"""The environment in the form that compares fastest."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any


def raw_environment() -> Mapping[Any, Any]:
    """The dict behind `os.environ` where this Python has it, since to compare the mapping itself decodes every name."""
    return getattr(os.environ, "_data", None) or dict(os.environ)
