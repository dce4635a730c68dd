"""The environment of the engine: this process's, without what is meant for programs of Node."""

from __future__ import annotations

import os

# Options, modules to load first, channels of a parent: they are for the user's own Node programs.
_PREFIXES = ("NODE_", "UV_", "OPENSSL_")


def engine_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not _is_of_node(name)}


def withheld_environment() -> dict[str, str]:
    """What workers must have all the same, and what Node cannot hand on: it is not UTF-8. Latin-1 for the bytes."""
    if not os.supports_bytes_environ:
        return {}
    return {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in os.environb.items()
        if _is_of_node(os.fsdecode(name)) or not _is_text(name) or not _is_text(value)
    }


def _is_of_node(name: str) -> bool:
    return name.upper().startswith(_PREFIXES)


def _is_text(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
