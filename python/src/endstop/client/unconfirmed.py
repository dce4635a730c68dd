"""Endings that an engine was told, and nothing has shown yet that it heard them."""

from __future__ import annotations

from typing import Any

from endstop import frames


class Unconfirmed:
    """An engine hears what it is told in order: its answer to a later call confirms them; else the next one is told."""

    def __init__(self) -> None:
        self._endings: dict[int, tuple[dict[str, Any], bytes]] = {}

    def add(self, header: dict[str, Any], body: bytes) -> None:
        """A frame `ended`, before it is sent."""
        self._endings[header["id"]] = (header, body)

    def told(self) -> tuple[int, ...]:
        """The calls whose endings come before what is sent next."""
        return tuple(self._endings)

    def confirm(self, told: tuple[int, ...]) -> None:
        for number in told:
            self._endings.pop(number, None)

    def again(self, told: tuple[int, ...]) -> list[bytes]:
        """The frames for the next engine."""
        found = [self._endings.get(number) for number in told]
        return [frames.encode({**ending[0], "again": True}, ending[1]) for ending in found if ending is not None]

    def clear(self) -> None:
        self._endings = {}
