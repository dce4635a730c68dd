"""A wish to end one call, whatever it is doing at that moment."""

from __future__ import annotations

from collections.abc import Callable


class Cancellation:
    """Of one call. Its owner says what a request does at each stage; one that comes before is carried out then."""

    __slots__ = ("_interrupt", "requested")

    def __init__(self) -> None:
        self.requested = False
        self._interrupt: Callable[[], None] | None = None

    def request(self) -> None:
        """From any thread, and again: the call's outcome is soon there, and says what is known of its body."""
        self.requested = True
        interrupt = self._interrupt
        if interrupt is not None:
            interrupt()

    def on_request(self, interrupt: Callable[[], None] | None) -> None:
        """What to do from now on; may be called twice. Done now if the request was there before."""
        self._interrupt = interrupt
        if self.requested and interrupt is not None:
            interrupt()
