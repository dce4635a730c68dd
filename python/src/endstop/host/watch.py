"""Functions that are wrapped in place while bodies run, and put back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


class Watch:
    """Wraps one attribute of a module or class, for as long as nobody takes it off."""

    def __init__(self, owner: Any, name: str, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
        self._owner = owner
        self._name = name
        self._wrap = wrap
        # Of each wrapper what it wraps: several threads can put one on at once, and any of them may stay.
        self._wrapped: dict[Any, Any] = {}

    @staticmethod
    def put_all_on(watches: Iterable[Watch]) -> None:
        """Again, too: somebody may have put something else there since. Looked at before each body."""
        for watch in watches:
            if getattr(watch._owner, watch._name) not in watch._wrapped:
                watch._put_on()

    def _put_on(self) -> None:
        now = getattr(self._owner, self._name)
        if now not in self._wrapped:
            wrapper = self._wrap(now)
            self._wrapped[wrapper] = now
            setattr(self._owner, self._name, wrapper)

    def take_off(self) -> None:
        # What somebody put over ours stays: ours is below it and passes through.
        now = getattr(self._owner, self._name)
        if now in self._wrapped:
            setattr(self._owner, self._name, self._wrapped[now])
            self._wrapped.clear()
