"""The environment in the form that compares fastest."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any


def variable(name: str) -> str | None:
    """One name's value, read without decoding all others; None if it is not there."""
    data = getattr(os.environ, "_data", None)
    if data is None:
        return os.environ.get(name)
    raw = data.get(os.environ.encodekey(name))
    return None if raw is None else os.environ.decodevalue(raw)


def raw_environment() -> Mapping[Any, Any]:
    """The dict behind `os.environ` where this Python has it, since to compare the mapping itself decodes every name."""
    return getattr(os.environ, "_data", None) or dict(os.environ)
