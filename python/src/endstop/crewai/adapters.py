"""The seam of CrewAI's adapter for LangGraph: what a tool's `run` gives there is read by a model."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from crewai.tools import BaseTool

from endstop.crewai.requests import read_by_a_model
from endstop.crewai.scope import during
from endstop.crewai.stand_ins import StandIn


def configure_tools(original: Callable[..., Any], adapter: Any, tools: list[Any]) -> Any:
    """Seam of `LangGraphToolAdapter.configure_tools`, which makes functions that call `run`."""
    own = adapter.original_tools
    adapter.original_tools = [_read(tool) for tool in own]
    try:
        return original(adapter, [_read(tool) for tool in tools])
    finally:
        adapter.original_tools = own


def _read(tool: Any) -> Any:
    return StandIn(tool, {"run": functools.partial(_run, tool)}) if isinstance(tool, BaseTool) else tool


def _run(tool: Any, *args: Any, **kwargs: Any) -> Any:
    with during(read_by_a_model, tool):
        return tool.run(*args, **kwargs)
