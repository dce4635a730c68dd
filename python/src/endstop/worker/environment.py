"""The environment in the form that compares fastest."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any


class Variable:
    """One name's value, read without encoding the name and decoding all others."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._raw_name = os.environ.encodekey(name) if hasattr(os.environ, "encodekey") else name

    def value(self) -> str | None:
        """None if it is not there."""
        data = getattr(os.environ, "_data", None)
        if data is not None and self._raw_name not in data:
            return None
        return os.environ.get(self._name)


def raw_environment() -> Mapping[Any, Any]:
    """The dict behind `os.environ` where this Python has it, since to compare the mapping itself decodes every name."""
    return getattr(os.environ, "_data", None) or dict(os.environ)
