"""A tool, and the arguments of a call, as bytes that a worker can rebuild.

A tool goes by reference where a worker can import it, else by value; a part of it that has no pickle is made again by
the constructor of the model that holds it.
"""

from __future__ import annotations

import functools
import hashlib
import pickle
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple

import cloudpickle

from endstop.client.reducing import PICKLE_PROTOCOL, Omitted, Pickler, can_be_rebuilt_without
from endstop.client.staying import why_it_stays

_FLAT_TYPES = frozenset({str, int, float, bool, bytes, type(None)})
_MAX_SEARCH_DEPTH = 12
_MAX_REBUILT = 16
_omitted: Omitted = {}


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
    """The tool as it is now. Raises CannotMove, which names the part that has no pickle, or says why the tool stays."""
    if (reason := why_it_stays(tool)) is not None:
        raise CannotMove(reason)
    reference = _importable_name(tool)
    if reference is not None:
        content: tuple[Any, ...] = ("reference", *reference)
        modules = {reference[0]}
    else:
        data, modules = _dump(tool, "tool")
        content = ("value", data)
    payload = pickle.dumps(content, protocol=PICKLE_PROTOCOL)
    return Movable(hashlib.sha256(payload).hexdigest(), tuple(sorted(modules)), payload)


def is_flat(values: Iterable[Any]) -> bool:
    """Whether they have no parts, and no code of their own."""
    return _FLAT_TYPES.issuperset(map(type, values))


def dump_arguments(
    args: tuple[Any, ...], kwargs: Mapping[str, Any], surroundings: Mapping[str, Any] | None = None
) -> bytes:
    """The pickle of `(args, kwargs)`, with `surroundings` if there are any.

    Raises CannotMove, which names the argument that has no pickle.
    """
    arguments = (args, dict(kwargs)) if surroundings is None else (args, dict(kwargs), surroundings)
    if is_flat(args) and is_flat(kwargs.values()):
        return pickle.dumps(arguments, protocol=PICKLE_PROTOCOL)
    try:
        return Pickler.dump_with_modules(arguments)[0]
    except Exception:
        for position, item in enumerate(args):
            _dump(item, f"args[{position}]")
        for name, item in kwargs.items():
            _dump(item, f"args.{name}")
        raise


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
    omitted: Omitted = dict(_omitted)
    for _ in range(_MAX_REBUILT):
        try:
            dumped = Pickler.dump_with_modules(value, omitted)
        except Exception as problem:  # __reduce__ and __getstate__ of any class run here
            way = _way_to_the_offending_part(value, name, omitted)
            model = next((step for step in reversed(way) if can_be_rebuilt_without(step.owner, step.attribute)), None)
            if model is None:
                last = way[-1] if way else _Step(None, "", name, value)
                raise CannotMove(f"{last.name}: {_type_name(type(last.part))}") from problem
            kind = type(model.owner)
            omitted[kind] = omitted.get(kind, frozenset()) | {model.attribute}
        else:
            _omitted.update(omitted)
            return dumped
    raise CannotMove(f"{name}: more than {_MAX_REBUILT} of its parts have no pickle")


class _Step(NamedTuple):
    owner: Any
    attribute: str
    name: str
    part: Any


def _way_to_the_offending_part(value: Any, name: str, omitted: Omitted) -> list[_Step]:
    """From the value to the innermost part that has no pickle of its own, found by trying the parts one by one."""
    way: list[_Step] = []
    seen: set[int] = set()
    while len(way) < _MAX_SEARCH_DEPTH:
        for part_name, part in _parts(value):
            left_out = omitted.get(type(value), frozenset())
            if id(part) in seen or part_name[1:] in left_out:
                continue
            seen.add(id(part))
            try:
                Pickler.dump_with_modules(part, omitted)
            except Exception:  # as in _dump
                name += part_name
                way.append(_Step(value, part_name[1:], name, part))
                value = part
                break
        else:
            break
    return way


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
