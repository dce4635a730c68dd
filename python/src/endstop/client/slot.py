"""What the caller of one call waits for."""

from __future__ import annotations

import _thread
import asyncio
from typing import Any

from endstop.errors import EngineError
from endstop.host.bodies import BodyEnd


class Slot:
    """The answers to one call. Only the connection writes to it, under its lock.

    `outcome` is set at most once; `lost` has the reason if the channel ended before, `refused` that of an engine that
    found no sense in the call: with any of the three it is `settled`, and nothing more comes.
    """

    __slots__ = ("admitted", "body", "future", "id", "loop", "lost", "outcome", "rebuilt", "refused", "settled", "wake")

    def __init__(self, slot_id: int) -> None:
        self.id = slot_id
        self.admitted: dict[str, Any] | None = None
        self.outcome: dict[str, Any] | None = None
        self.body = b""
        self.lost: str | None = None
        self.refused: str | None = None
        self.rebuilt: BodyEnd | None = None
        """Of the body, by whoever waited."""
        self.settled = False
        # A raw lock is the cheapest thing to sleep on. Taken while its owner sleeps or is about to.
        self.wake = _thread.allocate_lock()
        self.future: asyncio.Future[None] | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        """The one that its caller runs in, if any."""

    def check(self) -> None:
        """Raises EngineError if the engine refused the call."""
        if self.refused is not None:
            raise EngineError("engine-refused", f"The engine refused the call: {self.refused}")
