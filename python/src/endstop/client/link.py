"""What a connection stands on: the pipes of an engine that this process has started, or a socket to another's."""

from __future__ import annotations

from typing import Any, Protocol


class Link(Protocol):
    """`stdin` and `stdout` are the numbers of the descriptors to write to and to read from."""

    stdin: int
    stdout: int
    directory: str | None
    invitation: str | None
    """What was shown to be let in; None to an engine of our own."""

    @property
    def inherited(self) -> Surroundings: ...

    def close_stdin(self) -> None:
        """Tells the other side that nothing more comes. Nobody may be writing."""

    def close_stdout(self) -> None:
        """Nobody may be reading."""

    def kill(self) -> None:
        """Ends it at once: who reads or writes comes back."""

    def reap(self, wait_s: float) -> str:
        """After `close_stdin`: waits for the end and says how it ended."""

    def forget(self) -> None:
        """In a forked child: closes the descriptors, and touches nothing of the parent's."""


class Surroundings(Protocol):
    def changes(self) -> dict[str, Any] | None:
        """What a body in a worker must find other than the worker has inherited it."""
