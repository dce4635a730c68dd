"""What of a tool is shared with the host as long as it runs there, and is a copy in a worker."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from types import FunctionType, MethodType, ModuleType
from typing import Any

_MUTABLE = (list, dict, set, bytearray)
_MUTABLE_NAMES = frozenset({"deque", "defaultdict", "Counter", "OrderedDict", "Queue", "SimpleQueue"})


def closure_warnings(tool: Any) -> list[str]:
    """One sentence for each mutable object of the host that the tool's function reaches: in a worker it is a copy.

    It looks at closures, defaults and globals that the function names, at a bound method's object and a partial's
    arguments; not further, and not into what other functions do.
    """
    body = _function_of(tool)
    return [
        f"{name} is a {type(value).__qualname__} of the host: a worker has a copy, and what it changes stays there"
        for name, value in _reached(body)
        if _is_mutable(value)
    ]


def _function_of(tool: Any) -> Any:
    for name in ("func", "_run"):
        if callable(found := getattr(tool, name, None)) and not isinstance(tool, functools.partial):
            return found
    return tool


def _reached(body: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(body, functools.partial):
        yield from ((f"argument {position}", value) for position, value in enumerate(body.args))
        yield from body.keywords.items()
        body = body.func
    if isinstance(body, MethodType):
        for name, value in vars(body.__self__).items() if hasattr(body.__self__, "__dict__") else ():
            yield f"self.{name}", value
        body = body.__func__
    if not isinstance(body, FunctionType):
        return
    for name, cell in zip(body.__code__.co_freevars, body.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # the cell is still empty
            continue
    for name in body.__code__.co_names:
        if name in body.__globals__:
            yield name, body.__globals__[name]


def _is_mutable(value: Any) -> bool:
    if isinstance(value, (ModuleType, type)) or callable(value):
        return False
    return isinstance(value, _MUTABLE) or type(value).__name__ in _MUTABLE_NAMES
