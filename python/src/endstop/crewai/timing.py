"""Where the time of one request goes: into its body, or into deciding and reporting."""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from operator import itemgetter

MAX_SPANS = 1_000
_since, _until = itemgetter(0), itemgetter(1)


class Timing:
    """Of one request. CrewAI's own code between admission and body is in neither, nor is a wait for its turn."""

    __slots__ = ("_body_since_s", "_body_until_s", "_running", "_waited_s", "body_s", "outside")

    def __init__(self) -> None:
        self.outside: list[tuple[float, float]] = []
        """When it was in Endstop itself: from and until, in seconds."""
        self.body_s = 0.0
        """In the body, as long as its caller waited. For one in a worker the way there and back is part of it."""
        self._waited_s = 0.0
        self._body_since_s: float | None = None
        self._body_until_s: float | None = None
        self._running = 0

    @contextmanager
    def deciding(self) -> Iterator[None]:
        """The scope in which its admission is asked for."""
        since_s = time.perf_counter()
        self._waited_s = 0.0
        try:
            yield
        finally:
            self.outside.append((since_s + self._waited_s, time.perf_counter()))

    def waited(self, wait_ms: float) -> None:
        """So much of the scope that is open was a wait for other calls."""
        self._waited_s = wait_ms / 1_000

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
                self.outside += [(since_s, begun_s), (ended_s, until_s)]

    def body_begins(self) -> None:
        """Also at each further attempt: what lies between two is a pause."""
        if self._body_since_s is None:
            self._body_since_s = time.perf_counter()
        self._body_until_s = None
        self._running += 1

    def body_ends(self) -> None:
        """An attempt that ends past its deadline does not end the one that has followed."""
        self._running -= 1
        if self._running == 0:
            self._body_until_s = time.perf_counter()


class WallTime:
    """Seconds of the wall clock that spans cover: what several cover at once counts once. Not for threads at once.

    Of more than `MAX_SPANS` the oldest are forgotten; what a later one would add before them does not count.
    """

    def __init__(self) -> None:
        self._covered: list[tuple[float, float]] = []
        """Ascending, and none touches another."""
        self._forgotten_s = float("-inf")

    def add(self, since_s: float, until_s: float) -> float:
        """How many seconds of it no other one has covered."""
        since_s = max(since_s, self._forgotten_s)
        if until_s <= since_s:
            return 0.0
        first = bisect_left(self._covered, since_s, key=_until)
        last = bisect_right(self._covered, until_s, key=_since)
        met = self._covered[first:last]
        known_s = sum(min(until, until_s) - max(since, since_s) for since, until in met)
        whole = (min(since_s, met[0][0]), max(until_s, met[-1][1])) if met else (since_s, until_s)
        self._covered[first:last] = [whole]
        if len(self._covered) > MAX_SPANS:
            self._forgotten_s = self._covered.pop(0)[1]
        return until_s - since_s - known_s
