"""Replaces attributes in place and puts them back, sharing the place with others who do the same."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Collection, Iterator
from types import FunctionType, ModuleType
from typing import Any, Literal

Condition = Literal["in-place", "mended", "lost"]
"""Of a seam: still reached, put back just now, or replaced by something that does not lead to it."""

_MAX_WRAPPERS = 50
"""Around one function: a chain that is longer goes in a circle."""

MARK = "__endstop_patch__"
"""Attribute of every function placed here: the Patch it belongs to."""


class Patch:
    """One replaced attribute. While `live`, calls go through the seam; afterwards straight to what was there before."""

    def __init__(self, owner: type | ModuleType, name: str, seam: Callable[..., Any], *, is_async: bool) -> None:
        self.owner = owner
        self.name = name
        self.seam = seam
        self.is_async = is_async
        self.live = True
        self.original = self.present()
        self.replacement = self._replacement()
        setattr(owner, name, self.replacement)

    @property
    def described(self) -> str:
        """The dotted name of the attribute."""
        if isinstance(self.owner, ModuleType):
            return f"{self.owner.__name__}.{self.name}"
        return f"{self.owner.__module__}.{self.owner.__qualname__}.{self.name}"

    def present(self) -> Any:
        """What the attribute is now."""
        return vars(self.owner)[self.name]

    def _replacement(self) -> Callable[..., Any]:
        original, seam = self.original, self.seam
        # A wrapper of wrapt says that it is a function; called as one, it would not know whose method it is.
        call = original if type(original) is FunctionType else _bound_on_call(original, self.owner)

        if self.is_async:

            async def patched_async(*args: Any, **kwargs: Any) -> Any:
                if not self.live:
                    return await call(*args, **kwargs)
                return await seam(call, *args, **kwargs)

            replacement: Callable[..., Any] = patched_async
        else:

            def patched(*args: Any, **kwargs: Any) -> Any:
                return seam(call, *args, **kwargs) if self.live else call(*args, **kwargs)

            replacement = patched
        functools.update_wrapper(replacement, original)
        setattr(replacement, MARK, self)
        return replacement

    def mend(self) -> Condition:
        """Places the replacement again where somebody has put back what he had found before us, which undid ours."""
        present = self.present()
        if present is self.replacement or leads_to(present, self):
            return "in-place"
        if not any(present is each for each in _unwrapped(self.original)):
            return "lost"
        if present is not self.original:
            self.original = present
            self.replacement = self._replacement()
        setattr(self.owner, self.name, self.replacement)
        return "mended"

    def restore(self) -> None:
        """Puts the original back if the attribute is still ours. Under somebody else's wrapper it passes through."""
        self.live = False
        if self.present() is self.replacement:
            setattr(self.owner, self.name, self.original)


class Patches:
    """The replaced attributes of one installation."""

    def __init__(self) -> None:
        self._placed: list[Patch] = []
        self._by_name: dict[str, list[Patch]] = {}
        self._reported: set[str] = set()
        self._told_of_mending = False

    def place(self, owner: type | ModuleType, name: str, seam: Callable[..., Any], *, is_async: bool = False) -> None:
        """Wraps `owner.name`, which must be there: calls become `seam(original, *args, **kwargs)`."""
        patch = Patch(owner, name, seam, is_async=is_async)
        self._placed.append(patch)
        self._by_name.setdefault(name, []).append(patch)

    def mend_if_gone(self, names: Collection[str]) -> None:
        """The same as `mend`, if one of the attributes of these names is not reached any more; else it costs little."""
        placed = (patch for name in names for patch in self._by_name.get(name, ()))
        if any(patch.present() is not patch.replacement and not leads_to(patch.present(), patch) for patch in placed):
            self.mend()

    def mend(self) -> None:
        """Checks that every seam is still reached, and warns once about what it repaired and what it could not."""
        mended, lost = [], []
        for patch in self._placed:
            condition = patch.mend()
            if condition == "mended":
                mended.append(patch.described)
            elif condition == "lost" and patch.described not in self._reported:
                lost.append(patch.described)
        if mended and not self._told_of_mending:
            self._told_of_mending = True
            _warn(
                f"Somebody has put back what was there before endstop.crewai.install(): {', '.join(mended)}. It is "
                "guarded again. This is told once."
            )
        for name in lost:
            self._reported.add(name)
            _warn(
                f"{name} was replaced after endstop.crewai.install(), and the replacement does not call ours: "
                "tool calls that go through it are not guarded. Call install() last."
            )

    def restore(self) -> None:
        """Puts back everything that is still ours, the last one first."""
        self._by_name.clear()
        while self._placed:
            self._placed.pop().restore()


def leads_to(function: Any, patch: Patch) -> bool:
    """Whether a function is the patch's replacement or wraps it, as far as `__wrapped__` tells."""
    return any(each is patch.replacement for each in _unwrapped(function))


def _unwrapped(function: Any) -> Iterator[Any]:
    """The function, what it wraps, what that wraps, and so on."""
    for _ in range(_MAX_WRAPPERS):
        if function is None:
            return
        yield function
        function = getattr(function, "__wrapped__", None)


def _warn(text: str) -> None:
    warnings.warn(text, RuntimeWarning, stacklevel=4)


def is_placed(function: Any) -> bool:
    """Whether a function or bound method is a live replacement itself, not something around it."""
    patch = getattr(getattr(function, "__func__", function), MARK, None)
    return isinstance(patch, Patch) and patch.live and patch.replacement is getattr(function, "__func__", function)


def _bound_on_call(descriptor: Any, owner: type | ModuleType) -> Callable[..., Any]:
    """Calls what others left in the place through its own binding, as attribute access would."""
    if isinstance(owner, ModuleType) or not hasattr(descriptor, "__get__"):
        return descriptor  # type: ignore[no-any-return]

    def call(instance: Any, *args: Any, **kwargs: Any) -> Any:
        return descriptor.__get__(instance, type(instance))(*args, **kwargs)

    return call
