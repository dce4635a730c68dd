"""A moved tool on its way back: payload -> object -> what to call. The other half is client/movable.py."""

from __future__ import annotations

import functools
import importlib
import pickle
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

# A class is called to make an instance; its methods are not bound yet.
_CALLED_AS_THEY_ARE = (FunctionType, MethodType, BuiltinFunctionType, functools.partial, type)


def load_tool(payload: bytes) -> Callable[..., Any]:
    """What runs the tool's body. Raises whatever its module or its own unpickling raises."""
    kind, *parts = pickle.loads(payload)
    if kind == "reference":
        return callable_of(_resolve(*parts))
    if kind == "value":
        return callable_of(pickle.loads(*parts))
    raise ValueError(f"a payload of kind {kind!r} is not known")


def callable_of(tool: Any) -> Callable[..., Any]:
    """The body of a tool: the function itself, or the method that a framework's tool runs.

    Where a framework validates, counts or caches around the body, the part inside that is taken: the host has
    done all that before the call came here. Raises TypeError for an object with no body to call.
    """
    if isinstance(tool, _CALLED_AS_THEY_ARE):
        return tool
    if _is_of(tool, "crewai"):
        # A structured tool keeps its body in `func`; its `_run` would validate and count again.
        body = tool.func if _has_callable(tool, "func") else getattr(tool, "_run", None)
        if callable(body):
            return body  # type: ignore[no-any-return]
    if _has_callable(tool, "invoke"):

        def invoke(*args: Any, **kwargs: Any) -> Any:
            # LangChain's way: the whole input is one argument.
            return tool.invoke(args[0] if args else kwargs)

        return invoke
    for name in ("_run", "run"):
        if _has_callable(tool, name):
            return getattr(tool, name)  # type: ignore[no-any-return]
    if callable(tool):
        return tool  # type: ignore[no-any-return]
    raise TypeError(f"a {type(tool).__qualname__} has no body to call: no invoke, _run or run")


def _resolve(module: str, qualname: str) -> Any:
    found: Any = importlib.import_module(module)
    for name in qualname.split("."):
        found = getattr(found, name)
    return found


def _is_of(tool: Any, package: str) -> bool:
    return any(base.__module__.partition(".")[0] == package for base in type(tool).__mro__)


def _has_callable(tool: Any, name: str) -> bool:
    return callable(getattr(tool, name, None))
