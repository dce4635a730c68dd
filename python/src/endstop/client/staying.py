"""Tools that work with what only the host has, and so stay there whatever their policy says."""

from __future__ import annotations

from types import MethodType
from typing import Any

_REASONS = {
    "crewai.tools.memory_tools.RecallMemoryTool": "it reads the crew's memory, which is the host's",
    "crewai.tools.memory_tools.RememberTool": "it writes the crew's memory, which is the host's",
    "crewai.tools.agent_tools.base_agent_tools.BaseAgentTool": "it hands work to an agent of the host",
    "crewai.tools.agent_tools.deferred_tool_result_reader.DeferredToolResultReader": "it reads what the host keeps",
    "crewai.tools.mcp_native_tool.MCPNativeTool": "it speaks over the host's connection to its MCP server",
}
_PERSON = "it waits for a person, who is at the host"


def why_it_stays(tool: Any) -> str | None:
    """The reason, or None if nothing is known that holds it. For a bound method: of the object that it belongs to."""
    owner = tool.__self__ if isinstance(tool, MethodType) else tool
    for kind in type(owner).__mro__:
        reason = _REASONS.get(f"{kind.__module__}.{kind.__qualname__}")
        if reason is not None:
            return f"tool: {reason}"
    return f"tool: {_PERSON}" if _calls_input(tool) else None


def _calls_input(tool: Any) -> bool:
    """Whether the body itself names the built-in `input`; what it calls is not looked into."""
    body = tool
    for name in ("func", "_run"):
        body = getattr(body, name, body)
    code = getattr(body, "__code__", None)
    if code is None or "input" not in code.co_names or "input" in getattr(body, "__globals__", {}):
        return False
    import dis  # slow to import, and attributes called `input` are rare

    return any(step.opname == "LOAD_GLOBAL" and step.argval == "input" for step in dis.get_instructions(code))
