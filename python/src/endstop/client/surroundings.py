"""Working directory and environment of this process, and how they have changed since the engine was started in them."""

from __future__ import annotations

import os
from typing import Any

from endstop.worker.environment import raw_environment
from endstop.worker.joining import CALL_VARIABLE


class Inherited:
    """What the engine, and so every worker, has inherited. Made as the engine is started."""

    __slots__ = ("_directory", "_environment", "_raw")

    def __init__(self) -> None:
        self._directory = _directory()
        self._environment = dict(os.environ)
        self._raw = dict(raw_environment())

    def changes(self) -> dict[str, Any] | None:
        """What a body in a worker must find changed: `directory`, and `environment` with None for names that are gone.

        Looked at with each call, so the usual answer, None, takes a microsecond.
        """
        try:
            directory = os.getcwd()
        except FileNotFoundError:
            directory = None
        if directory == self._directory and raw_environment() == self._raw:
            return None
        changes: dict[str, Any] = {}
        if directory != self._directory and directory is not None:
            changes["directory"] = directory
        now = dict(os.environ)
        environment: dict[str, str | None] = {
            name: value for name, value in now.items() if self._environment.get(name) != value
        }
        environment.update({name: None for name in self._environment if name not in now})
        if environment:
            changes["environment"] = environment
        return changes or None


class WholeSurroundings:
    """Of a process that does not know what the engine was started in: workers get all of it."""

    def changes(self) -> dict[str, Any]:
        environment = {name: value for name, value in os.environ.items() if name != CALL_VARIABLE}
        changes: dict[str, Any] = {"environment": environment, "isWhole": True}
        directory = _directory()
        if directory is not None:
            changes["directory"] = directory
        return changes


def _directory() -> str | None:
    try:
        return os.getcwd()
    except FileNotFoundError:  # it was removed under us
        return None
