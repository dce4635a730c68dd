"""A tool, and the arguments of a call, as bytes that a worker can rebuild.

A tool goes by reference where a worker can import it, else by value. Locks become fresh locks: every CrewAI tool
holds one.
"""

from __future__ import annotations

import functools
import hashlib
import io
import pickle
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import cloudpickle

_PICKLE_PROTOCOL = 5
_LOCK_TYPE = type(threading.Lock())
_REENTRANT_LOCK_TYPE = type(threading.RLock())
_FLAT_TYPES = frozenset({str, int, float, bool, bytes, type(None)})
_MAX_SEARCH_DEPTH = 12


class CannotMove(TypeError):
    """Something cannot be sent to a worker. `detail` names the part, like `tool.client: ssl.SSLContext`."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Movable:
    """A tool as bytes: `payload` is the pickle of `("reference", module, qualname)` or of `("value", bytes)`.

    `key` is the payload's hash; `modules` are the names of the modules to import before the payload is unpickled.
    """

    key: str
    modules: tuple[str, ...]
    payload: bytes


def movable(tool: Any) -> Movable:
    """The tool as it is now. Raises CannotMove, which names the part of the tool that has no pickle."""
    reference = _importable_name(tool)
    if reference is not None:
        content: tuple[Any, ...] = ("reference", *reference)
        modules = {reference[0]}
    else:
        data, modules = _dump(tool, "tool")
        content = ("value", data)
    payload = pickle.dumps(content, protocol=_PICKLE_PROTOCOL)
    return Movable(hashlib.sha256(payload).hexdigest(), tuple(sorted(modules)), payload)


def dump_arguments(
    args: tuple[Any, ...], kwargs: Mapping[str, Any], surroundings: Mapping[str, Any] | None = None
) -> bytes:
    """The pickle of `(args, kwargs)`, with `surroundings` if there are any.

    Raises CannotMove, which names the argument that has no pickle.
    """
    arguments = (args, dict(kwargs)) if surroundings is None else (args, dict(kwargs), surroundings)
    if all(type(item) in _FLAT_TYPES for item in args) and all(type(item) in _FLAT_TYPES for item in kwargs.values()):
        return pickle.dumps(arguments, protocol=_PICKLE_PROTOCOL)
    try:
        return _Pickler.dump_with_modules(arguments)[0]
    except Exception:
        for position, item in enumerate(args):
            _dump(item, f"args[{position}]")
        for name, item in kwargs.items():
            _dump(item, f"args.{name}")
        raise


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Makes fresh locks, and notes the modules whose names the pickle refers to."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, protocol=_PICKLE_PROTOCOL)
        self.modules: set[str] = set()

    @classmethod
    def dump_with_modules(cls, value: Any) -> tuple[bytes, set[str]]:
        file = io.BytesIO()
        pickler = cls(file)
        pickler.dump(value)
        return file.getvalue(), pickler.modules - {"__main__", "builtins"}

    def reducer_override(self, obj: Any) -> Any:
        kind = type(obj)
        if kind is _LOCK_TYPE:
            return threading.Lock, ()
        if kind is _REENTRANT_LOCK_TYPE:
            return threading.RLock, ()
        reduced = super().reducer_override(obj)
        if isinstance(obj, ModuleType):
            self.modules.add(obj.__name__)
        elif reduced is NotImplemented and isinstance(obj, (type, FunctionType)):
            self.modules.add(obj.__module__)
        return reduced


def _importable_name(tool: Any) -> tuple[str, str] | None:
    """Module and qualified name if a worker that imports the module finds this very object there."""
    if not isinstance(tool, (type, FunctionType, BuiltinFunctionType)):
        return None
    module_name, qualified_name = getattr(tool, "__module__", None), tool.__qualname__
    if module_name is None or module_name == "__main__" or module_name in cloudpickle.list_registry_pickle_by_value():
        return None
    found: Any = sys.modules.get(module_name)
    for name in qualified_name.split("."):
        found = getattr(found, name, None)
    return (module_name, qualified_name) if found is tool else None


def _dump(value: Any, name: str) -> tuple[bytes, set[str]]:
    try:
        return _Pickler.dump_with_modules(value)
    except Exception as problem:  # __reduce__ and __getstate__ of any class run here
        raise CannotMove(_offending_part(value, name, 0, set())) from problem


def _offending_part(value: Any, name: str, depth: int, seen: set[int]) -> str:
    """The innermost part that has no pickle of its own, found by trying the parts one by one."""
    if depth < _MAX_SEARCH_DEPTH:
        for part_name, part in _parts(value):
            if id(part) in seen:
                continue
            seen.add(id(part))
            try:
                _Pickler.dump_with_modules(part)
            except Exception:  # as in _dump
                return _offending_part(part, name + part_name, depth + 1, seen)
    return f"{name}: {_type_name(type(value))}"


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, item in list(value.items()):
            yield f"[{key!r}]", item
    elif isinstance(value, (list, tuple, set, frozenset)):
        for position, item in enumerate(list(value)):
            yield f"[{position}]", item
    elif isinstance(value, functools.partial):
        yield ".func", value.func
        yield ".args", value.args
        yield ".keywords", value.keywords
    elif isinstance(value, MethodType):
        yield ".__self__", value.__self__
    elif isinstance(value, FunctionType):
        yield from _parts_of_function(value)
    elif not isinstance(value, (type, ModuleType)):
        for attributes in (getattr(value, "__dict__", None), getattr(value, "__pydantic_private__", None)):
            for attribute, item in list((attributes or {}).items()):
                yield f".{attribute}", item


def _parts_of_function(function: FunctionType) -> Iterator[tuple[str, Any]]:
    for variable, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield f".{variable}", cell.cell_contents
        except ValueError:  # the cell is still empty
            continue
    for variable in function.__code__.co_names:
        if variable in function.__globals__:
            yield f".{variable}", function.__globals__[variable]


def _type_name(kind: type) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
