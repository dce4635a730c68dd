"""The arguments of a native request: one JSON object, or a clear answer to the model that they are none."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import Any

from crewai.tools.tool_failure import ToolFailure, ToolFailureReason

from endstop.crewai.scope import during

_MAX_SHOWN = 100
_KINDS = {list: "an array", str: "a string", bool: "a boolean", int: "a number", float: "a number", type(None): "null"}

_asked_for: ContextVar[Any] = ContextVar("endstop_crewai_asked_for", default=None)
"""The guarded tool whose arguments CrewAI is about to parse."""


def asked_for(tool: Any) -> AbstractContextManager[None]:
    """The scope in which CrewAI carries out one request for a guarded tool. None: of a tool that is not guarded."""
    return during(_asked_for, tool)


def as_said(tool_call: Any, read: Any) -> Any:
    """The arguments of a request, of which CrewAI has `read` {} for whatever is empty: `[]`, 0, False."""
    if read != {}:
        return read
    if isinstance(tool_call, Mapping):
        function = tool_call.get("function") or {}
        places = [function.get("arguments"), tool_call.get("arguments"), tool_call.get("input")]
    else:
        places = [getattr(getattr(tool_call, "function_call", None), "args", None)]
    return next((said for said in places if said is not None), read)


def as_text(request_id: str | None, name: str, said: Any) -> dict[str, Any]:
    """A request with its arguments as text: CrewAI can only write down an object or a text."""
    text = said if isinstance(said, str) else json.dumps(said, default=repr)
    return {"id": request_id, "type": "function", "function": {"name": name, "arguments": text}}


def object_in(said: Any) -> Mapping[str, Any] | str:
    """The arguments as the model's provider hands them on, or as text what is wrong with them. Nothing is {}."""
    if said is None or (isinstance(said, str) and not said.strip()):
        return {}
    value = said
    if isinstance(said, str):
        try:
            value = json.loads(said)
        except (ValueError, RecursionError) as problem:
            return f"Failed to parse tool arguments as JSON: {problem}"
    if isinstance(value, Mapping):
        return value
    kind = _KINDS.get(type(value), type(value).__name__)
    shown = said if isinstance(said, str) else repr(said)
    beginning = shown if len(shown) <= _MAX_SHOWN else f"{shown[:_MAX_SHOWN]}…"
    return f"Tool arguments must be one JSON object, got {kind}: {beginning}"


def refusal(problem: str, name: str, tool: Any) -> str:
    """What the model reads: what was wrong, and what the tool expects."""
    return f"Error: {problem}. Please provide valid JSON arguments for the '{name}' tool. {_expected(tool)}"


def parse(original: Callable[..., Any], func_args: Any, func_name: str, call_id: str, *rest: Any, **named: Any) -> Any:
    """Seam of `parse_tool_call_args`, which passes on any JSON value as if it were an object."""
    tool = _asked_for.get()
    if tool is None:
        return original(func_args, func_name, call_id, *rest, **named)
    arguments = object_in(func_args)
    if not isinstance(arguments, str):
        return arguments, None
    message = refusal(arguments, func_name, tool)
    failure = ToolFailure(message=message, reason=ToolFailureReason.INVALID_INPUT, code="invalid-input")
    return None, {
        "call_id": call_id,
        "func_name": func_name,
        "result": message,
        "from_cache": False,
        "original_tool": None,
        "tool_failure": failure,
    }


def _expected(tool: Any) -> str:
    schema = getattr(tool, "args_schema", None)
    described = {} if schema is None else schema.model_json_schema()
    properties, required = described.get("properties", {}), described.get("required", ())
    if not properties:
        return "It takes no parameters: {}."
    names = (
        f'"{name}" ({each.get("type", "any")}, {"required" if name in required else "optional"})'
        for name, each in properties.items()
    )
    return f"It takes an object with {', '.join(names)}."
