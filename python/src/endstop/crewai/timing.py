"""Where the time of one request goes: into its body, or into deciding and reporting."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Timing:
    """Seconds of one request. CrewAI's own code between admission and body is in neither."""

    __slots__ = ("_body_since_s", "_body_until_s", "body_s", "outside_s")

    def __init__(self) -> None:
        self.outside_s = 0.0
        """In Endstop itself."""
        self.body_s = 0.0
        """In the body, as long as its caller waited. For one in a worker the way there and back is part of it."""
        self._body_since_s: float | None = None
        self._body_until_s: float | None = None

    @contextmanager
    def deciding(self) -> Iterator[None]:
        """The scope in which its admission is asked for."""
        since_s = time.perf_counter()
        try:
            yield
        finally:
            self.outside_s += time.perf_counter() - since_s

    @contextmanager
    def carrying_out(self, *, in_worker: bool) -> Iterator[None]:
        """The scope in which an admitted body is run and its ending is told."""
        since_s = time.perf_counter()
        try:
            yield
        finally:
            until_s = time.perf_counter()
            if in_worker:
                self.body_s += until_s - since_s
            else:
                # A body that has not ended, or never began: its caller has waited for it all the same.
                begun_s = since_s if self._body_since_s is None else self._body_since_s
                ended_s = until_s if self._body_until_s is None else self._body_until_s
                self.body_s += ended_s - begun_s
                self.outside_s += (begun_s - since_s) + (until_s - ended_s)

    def body_begins(self) -> None:
        self._body_since_s = time.perf_counter()

    def body_ends(self) -> None:
        self._body_until_s = time.perf_counter()
