"""What `ToolExecutor.register` takes: a function, a CrewAI tool, or another object with a name and a way to run."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from endstop.client.closures import closure_warnings
from endstop.client.movable import Movable, movable
from endstop.drained import drained, drained_async, is_async_function
from endstop.host.stopping import FROM_OUTSIDE


class Misfit(Exception):
    """The arguments do not fit the tool; its text says how."""


class RegisteredTool:
    """A tool by its name, and the ways to call it with a dict of keyword arguments."""

    def __init__(self, tool: Any, name: str | None) -> None:
        """Raises TypeError for what cannot be called, ValueError if it has no name."""
        self.name = _name_of(tool) if name is None else _checked_name(name)
        self._tool = tool
        self._body, self._async_body = _bodies_of(tool)
        self._schema = _schema_of(tool)
        self._signature = _signature_of(tool)
        self._keywords, self._required = _keywords_of(self._signature)
        self._movable: Movable | None = None

    @property
    def validates(self) -> bool:
        """Whether validators of the tool's author decide what fits."""
        return self._schema is not None

    @property
    def has_moved(self) -> bool:
        return self._movable is not None

    def fitting(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The arguments as the tool's schema makes them. Raises Misfit."""
        if self._schema is not None:
            return _validated(self._schema, arguments)
        if self._signature is not None and not (self._required <= arguments.keys() <= self._keywords):
            try:
                self._signature.bind(**arguments)
            except TypeError as problem:
                raise Misfit(str(problem)) from None
        return arguments

    def call(self, arguments: dict[str, Any]) -> Any:
        """Runs the body; a coroutine in a loop of its own. A generator is drained to a list."""
        return drained(self._body(arguments))

    def async_call(self, arguments: dict[str, Any]) -> Callable[[], Any]:
        """The body for a caller with a loop: a coroutine function if the tool has one, else a plain function."""
        async_body = self._async_body
        if async_body is None:
            return functools.partial(self.call, arguments)

        async def call() -> Any:
            return await drained_async(async_body(arguments))

        return call

    def closure_warnings(self) -> list[str]:
        """What it shares with this process and a worker would have a copy of."""
        return closure_warnings(self._tool)

    def movable(self) -> Movable:
        """The tool as it was at its first call in a worker. Raises CannotMove."""
        if self._movable is None:
            self._movable = movable(self._tool)
        return self._movable


_Body = Callable[[dict[str, Any]], Any]
_AsyncBody = Callable[[dict[str, Any]], Awaitable[Any] | AsyncIterator[Any]]


def _bodies_of(tool: Any) -> tuple[_Body, _AsyncBody | None]:
    if _is_framework_tool(tool):
        if _is_of_crewai(tool) and callable(getattr(tool, "run", None)):
            # Its own `run` validates, counts and claims, as without us.
            return _by_keywords(tool.run), _by_keywords(tool.arun) if _has_async_body(tool) else None
        if callable(getattr(tool, "invoke", None)):
            ainvoke = getattr(tool, "ainvoke", None)
            return tool.invoke, ainvoke if callable(ainvoke) else None
        return _by_keywords(tool.run if callable(getattr(tool, "run", None)) else tool._run), None
    if not callable(tool):
        raise TypeError(f"a tool must be a function, or an object with .name and .run or .invoke, got {tool!r}")
    is_async = is_async_function(tool) or is_async_function(type(tool).__call__)
    return _by_keywords(tool), _by_keywords(tool) if is_async else None


def _by_keywords(function: Callable[..., Any]) -> Callable[[dict[str, Any]], Any]:
    return lambda arguments: function(**arguments)


def _is_framework_tool(tool: Any) -> bool:
    if inspect.isroutine(tool) or isinstance(tool, type) or not isinstance(getattr(tool, "name", None), str):
        return False
    return any(callable(getattr(tool, way, None)) for way in ("run", "invoke", "_run"))


def _is_of_crewai(tool: Any) -> bool:
    return any(base.__module__.partition(".")[0] == "crewai" for base in type(tool).__mro__)


def _has_async_body(tool: Any) -> bool:
    """Whether `arun` does something: CrewAI's own `_arun` only raises, but for an async function under `@tool`."""
    if is_async_function(getattr(tool, "func", None)):
        return True
    definer = next((base for base in type(tool).__mro__ if "_arun" in vars(base)), None)
    return definer is not None and definer.__module__.partition(".")[0] != "crewai"


def _schema_of(tool: Any) -> Any:
    """A pydantic model with fields, or None."""
    schema = getattr(tool, "args_schema", None) if _is_framework_tool(tool) else None
    if getattr(schema, "model_fields", None) and callable(getattr(schema, "model_validate", None)):
        return schema
    return None


def _signature_of(tool: Any) -> inspect.Signature | None:
    if _is_framework_tool(tool):
        return None
    try:
        return inspect.signature(tool)
    except (ValueError, TypeError):  # some built-in functions have none
        return None


def _keywords_of(signature: inspect.Signature | None) -> tuple[frozenset[str], frozenset[str]]:
    """The parameters that can be given by name, and those of them that must be: what fits them needs no closer look."""
    parameters = [] if signature is None else list(signature.parameters.values())
    if any(parameter.kind is parameter.POSITIONAL_ONLY for parameter in parameters):
        return frozenset(), frozenset({""})
    named = [each for each in parameters if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)]
    return frozenset(each.name for each in named), frozenset(each.name for each in named if each.default is each.empty)


def _validated(schema: Any, arguments: dict[str, Any]) -> dict[str, Any]:
    try:
        validated: dict[str, Any] = schema.model_validate(arguments).model_dump()
    except FROM_OUTSIDE:
        raise
    except BaseException as problem:  # validators of the tool's author run here
        raise Misfit(_validation_text(problem)) from problem
    return validated


def _validation_text(problem: BaseException) -> str:
    errors = getattr(problem, "errors", None)
    if not callable(errors):
        return f"{type(problem).__name__}: {problem}"
    return "; ".join(f"{'.'.join(map(str, error['loc'])) or 'arguments'}: {error['msg']}" for error in errors())


def _name_of(tool: Any) -> str:
    name = tool.name if _is_framework_tool(tool) else getattr(tool, "__name__", None)
    if name is None and callable(tool):
        name = type(tool).__name__
    if name == "<lambda>":
        raise ValueError("a lambda has no name: give one with name=…")
    return _checked_name(name if name is not None else repr(tool))


def _checked_name(name: object) -> str:
    if not isinstance(name, str):
        raise TypeError(f"a tool's name must be a text, got {name!r}")
    if not name or any(0xD800 <= ord(character) <= 0xDFFF for character in name):
        raise ValueError(
            f"a tool's name must be a text with at least one character and no lone surrogate, got {name!r}"
        )
    return name
