"""Every place in CrewAI that is wrapped, and by what."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from endstop.crewai import adapters, arguments, batches, bodies, kickoffs, native, rendering, text
from endstop.crewai.patches import Patches

_TOOLS = "crewai.tools.base_tool"
_STRUCTURED = "crewai.tools.structured_tool"
_USAGE = "crewai.tools.tool_usage"
_AGENT = "crewai.agent.core"
_EXECUTOR = "crewai.agents.agent_executor"
_STEPS = "crewai.agents.step_executor"
_LANGGRAPH = "crewai.agents.agent_adapters.langgraph.langgraph_tool_adapter"
_UTILITIES = "crewai.utilities.agent_utils"


@dataclass(frozen=True, slots=True)
class Seam:
    """An attribute of a module (`owner` None) or of a class in it, and the function that goes around it."""

    module: str
    owner: str | None
    name: str
    around: Callable[..., Any]
    is_async: bool = False


_BODIES = (
    Seam(_TOOLS, "BaseTool", "run", bodies.run),
    Seam(_TOOLS, "BaseTool", "arun", bodies.run_async, is_async=True),
    Seam(_TOOLS, "Tool", "run", bodies.run_function),
    Seam(_TOOLS, "Tool", "arun", bodies.run_async, is_async=True),
    Seam(_STRUCTURED, "CrewStructuredTool", "invoke", bodies.run_function),
    Seam(_STRUCTURED, "CrewStructuredTool", "ainvoke", bodies.run_function_async, is_async=True),
)
_REQUESTS = (
    Seam(_EXECUTOR, "AgentExecutor", "_execute_single_native_tool_call", native.execute_in_agent),
    Seam(_EXECUTOR, "AgentExecutor", "_prepare_tool_result_for_context", native.result_for_context),
    Seam(_EXECUTOR, "AgentExecutor", "_should_parallelize_native_tool_calls", batches.should_parallelize),
    Seam(_EXECUTOR, None, "ThreadPoolExecutor", batches.batch_threads),
    # Importers hold the function by name, so each module's own attribute is wrapped.
    Seam(_UTILITIES, None, "execute_single_native_tool_call", native.execute_in_step),
    Seam(_STEPS, None, "execute_single_native_tool_call", native.execute_in_step),
    Seam(_UTILITIES, None, "parse_tool_call_args", arguments.parse),
    Seam(_EXECUTOR, None, "parse_tool_call_args", arguments.parse),
    Seam("crewai.llms.base_llm", "BaseLLM", "_handle_tool_execution", native.execute_in_llm),
    Seam("crewai.llm", "LLM", "_handle_tool_call", native.execute_in_litellm),
    Seam(_LANGGRAPH, "LangGraphToolAdapter", "configure_tools", adapters.configure_tools),
    Seam(_STEPS, "StepExecutor", "_execute_text_tool_with_events", text.execute_in_step),
    Seam(_USAGE, "ToolUsage", "_use", text.use),
    Seam(_USAGE, "ToolUsage", "_ause", text.use_async, is_async=True),
    Seam("crewai.agents.cache.cache_handler", "CacheHandler", "read", text.read_cache),
    Seam(_STRUCTURED, "CrewStructuredTool", "_increment_usage_count", text.count_use),
    Seam(_USAGE, "ToolUsage", "_check_tool_repeated_usage", text.is_repeated_usage),
    Seam(_UTILITIES, None, "check_repeated_tool_call", text.check_repeated_call),
    Seam(_EXECUTOR, None, "check_repeated_tool_call", text.check_repeated_call),
    Seam(_STEPS, None, "check_repeated_tool_call", text.check_repeated_call),
    Seam(_EXECUTOR, None, "has_reached_max_iterations", text.has_reached_max_iterations),
    Seam("crewai.lite_agent", None, "has_reached_max_iterations", text.has_reached_max_iterations),
)
_RENDERING = (
    Seam(_TOOLS, None, "format_description_for_llm", rendering.format_description),
    Seam(_STRUCTURED, None, "format_description_for_llm", rendering.format_description),
    Seam(_USAGE, None, "sanitize_tool_name", rendering.sanitize_name),
    Seam("crewai.utilities.tool_utils", None, "sanitize_tool_name", rendering.sanitize_name),
    Seam(_USAGE, "ToolUsage", "_select_tool", rendering.select_tool),
)
_RUNS = (
    Seam("crewai.crew", "Crew", "kickoff", kickoffs.kickoff),
    # It starts its tasks itself, without a kickoff.
    Seam("crewai.crew", "Crew", "replay", kickoffs.kickoff),
    Seam("crewai.crew", "Crew", "akickoff", kickoffs.kickoff_async, is_async=True),
    Seam("crewai.flow.runtime", "Flow", "kickoff", kickoffs.kickoff),
    Seam("crewai.flow.runtime", "Flow", "kickoff_async", kickoffs.kickoff_async, is_async=True),
    Seam(_AGENT, "Agent", "kickoff", kickoffs.agent_kickoff),
    Seam(_AGENT, "Agent", "kickoff_async", kickoffs.agent_kickoff_async, is_async=True),
    Seam("crewai.lite_agent", "LiteAgent", "kickoff", kickoffs.agent_kickoff),
    Seam(_AGENT, "Agent", "execute_task", kickoffs.execute_task),
    Seam(_AGENT, "Agent", "aexecute_task", kickoffs.execute_task_async, is_async=True),
    Seam(_AGENT, "Agent", "_execute_with_timeout", kickoffs.execute_with_timeout),
    Seam(_AGENT, "Agent", "_aexecute_with_timeout", kickoffs.execute_with_timeout_async, is_async=True),
)
SEAMS = (*_BODIES, *_REQUESTS, *_RENDERING, *_RUNS)


def place_all(patches: Patches) -> list[str]:
    """Wraps them all. Returns the dotted names of those that this CrewAI does not have."""
    return [missing for seam in SEAMS if (missing := _place(patches, seam)) is not None]


def _place(patches: Patches, seam: Seam) -> str | None:
    dotted = ".".join(filter(None, (seam.module, seam.owner, seam.name)))
    try:
        owner: Any = importlib.import_module(seam.module)
    except ModuleNotFoundError:
        return dotted
    if seam.owner is not None:
        owner = getattr(owner, seam.owner, None)
    if owner is None or seam.name not in vars(owner):
        return dotted
    patches.place(owner, seam.name, seam.around, is_async=seam.is_async)
    return None
