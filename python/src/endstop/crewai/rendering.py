"""What CrewAI works out again for each tool call although it cannot have changed: names and rendered schemas, once."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any
from weakref import WeakKeyDictionary

from crewai.utilities.string_utils import sanitize_tool_name
from pydantic import BaseModel

from endstop.crewai.stand_ins import StandIn

Original = Callable[..., Any]

_MAX_TEXTS = 256
"""Per schema class. A tool whose description changes with each call would fill the memory."""

tool_name = functools.lru_cache(maxsize=1024)(sanitize_tool_name)
"""The name of a tool as models see it, and as the engine knows it."""


class _Rendered:
    """What was worked out for one schema class, while its core schema is the one it was worked out from."""

    __slots__ = ("core_schema", "properties", "texts")

    def __init__(self, core_schema: Any) -> None:
        self.core_schema = core_schema
        self.texts: dict[tuple[str, str], str] = {}
        self.properties: dict[str, Any] | None = None


_by_schema: WeakKeyDictionary[type[BaseModel], _Rendered] = WeakKeyDictionary()


def sanitize_name(original: Original, name: Any, *args: Any, **kwargs: Any) -> Any:
    """Seam of `sanitize_tool_name` where tool calls from text are carried out: some 25 times each."""
    return tool_name(name) if type(name) is str and not args and not kwargs else original(name, *args, **kwargs)


def format_description(original: Original, name: str, args_schema: Any, description: str) -> str:
    """Seam of `format_description_for_llm`, which `ToolUsage` calls for every tool of the agent at each call."""
    rendered = _rendered(args_schema)
    if rendered is None:
        return original(name, args_schema, description)  # type: ignore[no-any-return]
    text = rendered.texts.get((name, description))
    if text is None:
        text = original(name, args_schema, description)
        if len(rendered.texts) >= _MAX_TEXTS:
            rendered.texts.clear()
        rendered.texts[name, description] = text
    return text


def select_tool(original: Original, usage: Any, name: str) -> Any:
    """Seam of `ToolUsage._select_tool`: a tool of exactly that name is the one that its search by likeness finds."""
    if type(name) is str:
        wanted = tool_name(name)
        for tool in usage.tools:
            if type(tool.name) is str and tool_name(tool.name) == wanted:
                return tool
    return original(usage, name)


def with_known_schema(tool: Any) -> Any:
    """The tool for `ToolUsage._use`, which renders its schema at each call for nothing but the names in it."""
    rendered = _rendered(tool.args_schema)
    if rendered is None:
        return tool
    return StandIn(tool, {"args_schema": _KnownSchema(tool.args_schema, rendered)})


class _KnownSchema:
    """A schema class as far as `_use` looks at it."""

    __slots__ = ("_rendered", "_schema")

    def __init__(self, schema: type[BaseModel], rendered: _Rendered) -> None:
        self._schema = schema
        self._rendered = rendered

    def model_json_schema(self) -> dict[str, Any]:
        if self._rendered.properties is None:
            # With a KeyError where a schema has none, as `_use` expects it.
            self._rendered.properties = {"properties": self._schema.model_json_schema()["properties"]}
        return self._rendered.properties


def _rendered(schema: Any) -> _Rendered | None:
    """None if the schema renders itself in a way of its own, which may give another result each time."""
    if not isinstance(schema, type) or not issubclass(schema, BaseModel):
        return None
    core_schema = schema.__dict__.get("__pydantic_core_schema__")
    known = _by_schema.get(schema)
    if known is not None and known.core_schema is core_schema:
        return known
    if core_schema is None or _renders_itself(schema):
        return None
    known = _by_schema[schema] = _Rendered(core_schema)
    return known


def _renders_itself(schema: type[BaseModel]) -> bool:
    return callable(schema.model_config.get("json_schema_extra")) or any(
        getattr(getattr(schema, name), "__func__", None) is not getattr(BaseModel, name).__func__
        for name in ("model_json_schema", "__get_pydantic_json_schema__")
    )


def tool_named(name: str, *groups: Iterable[Any] | None) -> Any:
    """The first tool of that name, as CrewAI looks for it."""
    return next((tool for group in groups for tool in group or () if tool_name(tool.name) == name), None)
