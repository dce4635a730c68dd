"""The request seams of native function calling."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from crewai.utilities.agent_utils import extract_tool_call_info

from endstop.crewai import guarding
from endstop.crewai.arguments import as_said, as_text, asked_for, object_in, refusal
from endstop.crewai.bodies import through_seam
from endstop.crewai.rendering import tool_named
from endstop.crewai.requests import Request, ask, carried_out_by_crewai

Original = Callable[..., Any]

_FOR_MODEL = "endstop_request"
"""In the answer that CrewAI hands on to where the model's message is made: whose text that is."""


def execute_in_agent(original: Original, executor: Any, tool_call: Any) -> dict[str, Any]:
    """Seam of `AgentExecutor._execute_single_native_tool_call`."""
    request_id, name, arguments, said = _said(tool_call)
    functions = executor._available_functions
    mapped = (getattr(executor, "_tool_name_mapping", None) or {}).get(name)
    tool = mapped or tool_named(name, executor.original_tools, executor.tools)
    turn = f"{id(executor):x}-{executor.iterations}"
    request = None
    if name in functions:
        request = _request(tool, arguments, executor.agent, executor.task, turn=turn, request_id=request_id)
    if request is None:
        if arguments is not None or not _is_guarded(tool):
            return original(executor, tool_call)  # type: ignore[no-any-return]
        with asked_for(tool):
            return original(executor, as_text(request_id, name, said))  # type: ignore[no-any-return]

    functions[name] = through_seam(tool, functions[name])
    with carried_out_by_crewai(request), asked_for(tool):
        answer: dict[str, Any] = original(executor, tool_call)
    is_final = getattr(tool, "result_as_answer", False) and answer.get("tool_failure") is None
    if not is_final:
        answer[_FOR_MODEL] = request
    return answer


def result_for_context(original: Original, executor: Any, answer: dict[str, Any]) -> Any:
    """Seam of `AgentExecutor._prepare_tool_result_for_context`, which puts a reference to a file in a result's place.

    It does so only for what is large beside the model's window; what it leaves as it was is bounded here.
    """
    request = answer.pop(_FOR_MODEL, None)
    text = original(executor, answer)
    return text if request is None else request.for_model(text, is_bounded=text == answer["result"])


def execute_in_step(
    original: Original, tool_call: Any, *, available_functions: dict[str, Any], original_tools: Any, **rest: Any
) -> Any:
    """Seam of `agent_utils.execute_single_native_tool_call`."""
    request_id, name, arguments, said = _said(tool_call)
    tool = tool_named(name, original_tools, rest.get("structured_tools"))
    request = None
    if name in available_functions:
        request = _request(tool, arguments, rest.get("agent"), rest.get("task"))
    if request is None:
        both = {**rest, "available_functions": available_functions, "original_tools": original_tools}
        if arguments is not None or not _is_guarded(tool):
            return original(tool_call, **both)
        with asked_for(tool):
            return original(as_text(request_id, name, said), **both)

    functions = {**available_functions, name: through_seam(tool, available_functions[name])}
    with carried_out_by_crewai(request), asked_for(tool):
        answer = original(tool_call, available_functions=functions, original_tools=original_tools, **rest)
    if not answer.result_as_answer:
        decodes = hasattr(rest.get("event_source"), "_parse_vision_sentinel")
        answer.result = request.for_model(answer.result, decodes_images=decodes)
        if answer.tool_message:
            content = answer.tool_message.get("content")
            answer.tool_message["content"] = request.for_model(content, decodes_images=decodes)
    return answer


def execute_in_llm(
    original: Original,
    llm: Any,
    function_name: str,
    function_args: Any,
    available_functions: dict[str, Any],
    from_task: Any = None,
    from_agent: Any = None,
) -> Any:
    """Seam of `BaseLLM._handle_tool_execution`: a model class that calls the functions it was given."""
    function = available_functions.get(function_name)
    owner = getattr(function, "__self__", None)
    tool = owner if hasattr(owner, "args_schema") else function
    if not isinstance(function_args, Mapping) and _is_guarded(tool, function_name):
        return refusal(str(object_in(json.dumps(function_args))), function_name, tool)
    request = _request(tool, function_args, from_agent, from_task, name=function_name)
    if request is None:
        return original(llm, function_name, function_args, available_functions, from_task, from_agent)

    functions = {**available_functions, function_name: through_seam(tool, function)}  # type: ignore[arg-type]
    with carried_out_by_crewai(request):
        answer = original(llm, function_name, function_args, functions, from_task, from_agent)
    if answer is not None and request.was_stopped:
        # CrewAI would show the model the failure object's repr.
        answer = request.deliver().as_agent_message()
    return request.for_model(answer)


def execute_in_litellm(
    original: Original,
    llm: Any,
    tool_calls: list[Any],
    available_functions: dict[str, Any] | None = None,
    from_task: Any = None,
    from_agent: Any = None,
) -> Any:
    """Seam of `LLM._handle_tool_call`: the model class over LiteLLM, which has a way of its own."""
    functions = available_functions or {}
    _, name, arguments, said = _said(tool_calls[0]) if tool_calls and functions else (None, "", None, None)
    function = functions.get(name)
    owner = getattr(function, "__self__", None)
    tool = owner if hasattr(owner, "args_schema") else function
    if arguments is None and name and _is_guarded(tool, name):
        return refusal(str(object_in(said)), name, tool)
    request = _request(tool, arguments, from_agent, from_task, name=name)
    if request is None:
        return original(llm, tool_calls, available_functions, from_task, from_agent)

    functions = {**functions, name: through_seam(tool, function)}  # type: ignore[arg-type]
    with carried_out_by_crewai(request):
        answer = original(llm, tool_calls, functions, from_task, from_agent)
    if answer is not None and request.was_stopped:
        # CrewAI would show the model the failure object's repr.
        answer = request.deliver().as_agent_message()
    return request.for_model(answer)


def _said(tool_call: Any) -> tuple[str | None, str, Any, Any]:
    """The model's own id of its request, the tool it asks for, its arguments, and these as it said them.

    An empty name: CrewAI itself will refuse it. None as arguments: they are no object.
    """
    info = extract_tool_call_info(tool_call)
    if info is None:
        return None, "", None, None
    request_id, name, read = info
    said = as_said(tool_call, read)
    arguments = object_in(said)
    return request_id, name, None if isinstance(arguments, str) else arguments, said


def _is_guarded(tool: Any, name: str | None = None) -> bool:
    guard = guarding.active()
    return guard is not None and tool is not None and guard.terms(tool, name) is not None


def _request(
    tool: Any,
    arguments: Any,
    agent: Any,
    task: Any,
    *,
    name: str | None = None,
    turn: str | None = None,
    request_id: str | None = None,
) -> Request | None:
    """The engine's decision on what an agent asks for; None if CrewAI will refuse it, or the tool is not guarded."""
    guard = guarding.active()
    if guard is None or tool is None or arguments is None:
        return None
    terms = guard.terms(tool, name)
    if terms is None:
        return None
    call = guard.agents_call(terms, arguments, agent, task, turn, request_id)
    return ask(guard, tool, terms, call, to_agent=True)
