"""Endings that an engine was told, and nothing has shown yet that it heard them."""

from __future__ import annotations

from typing import Any

from endstop import frames
from endstop.client.local_outcomes import CallFacts


def told_again(frame: dict[str, Any], facts: CallFacts) -> dict[str, Any]:
    """A frame `ended` for the next engine, which has never seen the input of the call."""
    again = {**frame, "again": True}
    return {**again, "secrets": secrets} if (secrets := facts.secrets) else again


class Unconfirmed:
    """An engine hears what it is told in order: its answer to a later call confirms them; else the next one is told."""

    def __init__(self) -> None:
        self._endings: dict[int, tuple[dict[str, Any], bytes, CallFacts]] = {}

    def add(self, header: dict[str, Any], body: bytes, facts: CallFacts) -> None:
        """A frame `ended`, before it is sent."""
        self._endings[header["id"]] = (header, body, facts)

    def told(self) -> tuple[int, ...]:
        """The calls whose endings come before what is sent next."""
        return tuple(self._endings)

    def confirm(self, told: tuple[int, ...]) -> None:
        for number in told:
            self._endings.pop(number, None)

    def again(self, told: tuple[int, ...]) -> list[bytes]:
        """The frames for the next engine."""
        found = [self._endings.get(number) for number in told]
        return [frames.encode(told_again(header, facts), body) for header, body, facts in filter(None, found)]

    def clear(self) -> None:
        self._endings = {}
