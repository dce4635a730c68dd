"""Values on their way from and to the host, as pickles, and the name of the part that cannot travel."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import cloudpickle

# Python 3.10 to 3.13 all read it, and the host runs the same Python anyway.
_PICKLE_PROTOCOL = 5
_SEARCH_DEPTH = 10


class CannotMove(Exception):
    """Its text names the part that cannot be pickled, or says what went wrong as a value was rebuilt."""


def dump(value: Any, root: str) -> bytes:
    """Raises CannotMove; the part that it names starts with `root`, like `result.rows[3]`."""
    try:
        return pickle.dumps(value, _PICKLE_PROTOCOL)
    except BaseException:  # pickling calls the value's own methods, which may raise anything
        return _dump_by_value(value, root)


def load_arguments(data: bytes) -> tuple[tuple[Any, ...], dict[str, Any], dict[str, Any] | None]:
    """Args, kwargs, and how the host's surroundings differ from those that the engine was started in.

    Raises CannotMove.
    """
    if not data:
        return (), {}, None
    try:
        args, kwargs, *surroundings = pickle.loads(data)
        return args, kwargs, surroundings[0] if surroundings else None
    except BaseException as problem:  # unpickling calls the value's own methods, which may raise anything
        raise CannotMove(f"an argument cannot be rebuilt in the worker: {_text(problem)}") from problem


def _dump_by_value(value: Any, root: str) -> bytes:
    # Classes and functions that no module has by name: from a notebook, from the host's program, local ones.
    problem = _problem_of(value)
    if isinstance(problem, bytes):
        return problem
    path, part, problem = _deepest(value, root, problem)
    raise CannotMove(f"{path} ({_type_name(part)}) cannot be pickled: {_text(problem)}") from problem


def _problem_of(value: Any) -> BaseException | bytes:
    try:
        return cloudpickle.dumps(value, _PICKLE_PROTOCOL)  # type: ignore[no-any-return]
    except BaseException as problem:  # as in dump
        return problem


def _deepest(value: Any, path: str, problem: BaseException) -> tuple[str, Any, BaseException]:
    """Follows the first part that fails, down to one whose own parts can all be pickled."""
    for _ in range(_SEARCH_DEPTH):
        for step, part in _parts(value):
            found = _problem_of(part)
            if not isinstance(found, bytes):
                value, path, problem = part, path + step, found
                break
        else:
            break
    return path, value, problem


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield f"[{key!r}]", part
    elif isinstance(value, (list, tuple)):
        for index, part in enumerate(value):
            yield f"[{index}]", part
    else:
        for name, part in getattr(value, "__dict__", {}).items():
            yield f".{name}", part


def _text(problem: BaseException) -> str:
    try:
        return f"{type(problem).__name__}: {problem}"
    except Exception:  # its own __str__ may raise anything
        return type(problem).__name__


def _type_name(value: Any) -> str:
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
