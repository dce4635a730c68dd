"""Every place in the installed CrewAI where a tool's body can run is known, and so is what guards it."""

from __future__ import annotations

import pytest
from crewai.llm import LLM

from endstop.crewai import install, seams
from endstop.crewai.versions import NEWEST_TESTED_VERSION, OLDEST_VERSION, installed_version
from endstop.demo.scripted import Ask, ScriptedLLM
from tests.support.body_places import body_places
from tests.support.crews import make_agent, plain_crewai_afterwards  # noqa: F401

GUARDED = {
    "agents.agent_adapters.langgraph.langgraph_tool_adapter:"
    "LangGraphToolAdapter.configure_tools.tool_wrapper tool.run()",
    "agents.agent_executor:AgentExecutor._execute_single_native_tool_call tool_func()",
    "flow.runtime._actions:ToolAction.run self.tool.run()",
    "llm:LLM._handle_tool_call fn()",
    "llms.base_llm:BaseLLM._handle_tool_execution fn()",
    "tools.base_tool:BaseTool.arun self._arun()",
    "tools.base_tool:BaseTool.run self._run()",
    "tools.base_tool:BaseTool.to_structured_tool self._run",
    "tools.base_tool:Tool.arun self._arun()",
    "tools.base_tool:Tool.run self.func()",
    "tools.structured_tool:CrewStructuredTool._run self.invoke()",
    "tools.structured_tool:CrewStructuredTool.ainvoke self.func",
    "tools.structured_tool:CrewStructuredTool.ainvoke self.func()",
    "tools.structured_tool:CrewStructuredTool.invoke self.func",
    "tools.structured_tool:CrewStructuredTool.invoke self.func()",
    "tools.tool_usage:ToolUsage._ause tool.ainvoke()",
    "tools.tool_usage:ToolUsage._use tool.invoke()",
    "utilities.agent_utils:convert_tools_to_openai_schema tool.run",
    "utilities.agent_utils:execute_single_native_tool_call tool_func()",
}
"""Inside a seam, or leading to one."""

BODIES = {
    "tools.base_tool:Tool._arun self.func()",
    "tools.base_tool:Tool._run self.func()",
    "tools.base_tool:BaseTool.from_langchain tool.func",
    "tools.base_tool:Tool.from_langchain tool.func",
}
"""Part of a body, below the seam."""

NOT_GUARDED = {
    # The adapter for the OpenAI Agents SDK calls the body itself, without `run`, usage count or hooks.
    "agents.agent_adapters.openai_agents.openai_agent_tool_adapter:"
    "OpenAIAgentToolAdapter._convert_tools_to_openai_format.create_tool_wrapper.wrapper tool._run()",
    # For tools without a schema only; nothing in CrewAI but that adapter calls it.
    "tools.structured_tool:CrewStructuredTool._run self.func()",
}

NO_TOOL = {
    "a2a.utils.task:cancellable.wrapper fn()",
    "a2a.wrapper:_fetch_agent_cards_concurrently contextvars.copy_context().run",
    "agent.core:Agent._aexecute_without_timeout self.agent_executor.ainvoke()",
    "agent.core:Agent._execute_and_build_output executor.invoke()",
    "agent.core:Agent._execute_without_timeout self.agent_executor.invoke()",
    "agents.agent_adapters.langgraph.langgraph_adapter:LangGraphAgentAdapter.execute_task self._graph.invoke()",
    "agents.agent_executor:AgentExecutor.execute_native_tool contextvars.copy_context().run",
    "events.utils.handlers:is_async_handler handler.func",
    "experimental.flow_jobs:JobRunner._process_events self._run",
    "flow.runtime._actions:_as_flow_method action.run",
    "flow.runtime._actions:_as_flow_method.run_async action.run()",
    "flow.runtime._actions:_as_flow_method.run_sync action.run()",
    "hooks.dispatch:_wrap_with_filters.filtered func()",
    "llms.context_window:_summarize_chunks context.run",
    "memory.encoding_flow:EncodingFlow.parallel_analyze contextvars.copy_context().run",
    "memory.encoding_flow:EncodingFlow.parallel_find_similar contextvars.copy_context().run",
    "memory.recall_flow:RecallFlow._do_search contextvars.copy_context().run",
    "memory.unified_memory:Memory._submit_save fn()",
    "tools.base_tool:BaseTool._default_args_schema cls._arun",
    "tools.base_tool:BaseTool._default_args_schema cls._run",
    "tools.base_tool:BaseTool._default_result_schema cls._run",
    "tools.base_tool:BaseTool._set_args_schema self._run",
    "tools.structured_tool:CrewStructuredTool._validate_func self.func",
    "tools.structured_tool:CrewStructuredTool._validate_function_signature self.func",
}
"""Looks at a signature, or calls something else of that name."""


def test_the_list_of_places_is_for_the_installed_crewai() -> None:
    assert installed_version() in (OLDEST_VERSION, NEWEST_TESTED_VERSION), (
        "look through the places of the new version, then raise NEWEST_TESTED_VERSION"
    )


def test_a_place_where_a_body_can_run_and_that_nobody_looked_at_fails_here() -> None:
    known = GUARDED | BODIES | NOT_GUARDED | NO_TOOL
    found = body_places()
    assert sorted(found - known) == [], "new places"
    assert sorted(known - found) == [], "places that are gone"


def test_no_place_is_in_two_lists() -> None:
    lists = (GUARDED, BODIES, NOT_GUARDED, NO_TOOL)
    assert sum(map(len, lists)) == len(set().union(*lists))


def test_every_seam_is_found_in_the_installed_crewai() -> None:
    from endstop.crewai.patches import Patches

    patches = Patches()
    try:
        assert seams.place_all(patches) == []
    finally:
        patches.restore()


class _Function:
    """A function as a model class over LiteLLM is asked to call it."""

    def __init__(self, name: str, arguments: str) -> None:
        self.name = name
        self.arguments = arguments


class _ToolCall:
    def __init__(self, name: str, arguments: str) -> None:
        self.id = "call-1"
        self.function = _Function(name, arguments)


def _call_through_litellm(functions: dict[str, object], arguments: str = '{"word": "x"}') -> object:
    llm = object.__new__(LLM)
    return LLM._handle_tool_call(llm, [_ToolCall("look_up", arguments)], functions)


@pytest.fixture
def no_model_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LLM, "_handle_emit_call_events", lambda *_args, **_kwargs: None)


@pytest.mark.usefixtures("no_model_events")
def test_a_function_that_the_model_class_over_litellm_calls_is_guarded() -> None:
    bodies: list[str] = []

    def look_up(word: str) -> list[str]:
        bodies.append(word)
        return [word]

    install(tools={"look up": {"max_calls": 1}})
    assert _call_through_litellm({"look_up": look_up}) == ["x"]
    rejected = _call_through_litellm({"look_up": look_up}, '{"word": "y"}')
    assert bodies == ["x"]
    assert isinstance(rejected, str)
    assert "look_up was not run" in rejected


def test_the_step_executor_is_guarded_through_the_name_it_imported() -> None:
    from crewai.agents import step_executor
    from crewai.tools import tool

    bodies: list[int] = []

    @tool("count")
    def count(number: int) -> int:
        """Counts."""
        bodies.append(number)
        return number

    install(tools={"count": {"max_calls": 1}})
    agent = make_agent([count], ScriptedLLM.following([Ask("count", {"number": 1}), "done"]))
    for number in (1, 2):
        step_executor.execute_single_native_tool_call(
            {"id": "c", "type": "function", "function": {"name": "count", "arguments": f'{{"number": {number}}}'}},
            available_functions={"count": count.run},
            original_tools=[count],
            structured_tools=[],
            tools_handler=None,
            agent=agent,
            task=None,
            crew=None,
            event_source=agent,
            printer=None,
            verbose=False,
        )
    assert bodies == [1]
