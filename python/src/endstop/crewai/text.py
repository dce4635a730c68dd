"""The request seams of tool calls that CrewAI reads from the model's text, and of what its executors share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from endstop.crewai import guarding, runs
from endstop.crewai.rendering import with_known_schema
from endstop.crewai.requests import (
    Request,
    ask,
    ask_async,
    carried_out_by_crewai,
    current_request,
    decodes_images,
    last_request,
)
from endstop.crewai.scope import during

Original = Callable[..., Any]


def use(original: Original, usage: Any, tool_string: str, tool: Any, calling: Any) -> Any:
    """Seam of `ToolUsage._use`."""
    guard = guarding.active()
    terms = guard.terms(tool) if guard is not None else None
    if guard is None or terms is None:
        return original(usage, tool_string=tool_string, tool=tool, calling=calling)
    call = guard.agents_call(terms, calling.arguments or {}, usage.agent, usage.task)
    request = ask(guard, tool, terms, call, to_agent=True, answers_again=True)
    with _carried_out_once(usage, request):
        text = original(usage, tool_string=tool_string, tool=with_known_schema(tool), calling=calling)
    return _for_model(text, request, usage, tool)


async def use_async(original: Original, usage: Any, tool_string: str, tool: Any, calling: Any) -> Any:
    """Seam of `ToolUsage._ause`."""
    guard = guarding.active()
    terms = guard.terms(tool) if guard is not None else None
    if guard is None or terms is None:
        return await original(usage, tool_string=tool_string, tool=tool, calling=calling)
    call = guard.agents_call(terms, calling.arguments or {}, usage.agent, usage.task)
    request = await ask_async(guard, tool, terms, call, to_agent=True, answers_again=True)
    with _carried_out_once(usage, request):
        text = await original(usage, tool_string=tool_string, tool=with_known_schema(tool), calling=calling)
    return _for_model(text, request, usage, tool)


def execute_in_step(original: Original, *args: Any, **kwargs: Any) -> Any:
    """Seam of `StepExecutor._execute_text_tool_with_events`, which makes an image of a text about one."""
    with during(decodes_images, True):
        return original(*args, **kwargs)


def is_repeated_usage(original: Original, usage: Any, *args: Any, **kwargs: Any) -> Any:
    """Seam of `ToolUsage._check_tool_repeated_usage`: the engine has decided, by more than the last call."""
    return False if _engine_watches(current_request.get()) else original(usage, *args, **kwargs)


def count_use(original: Original, tool: Any) -> None:
    """Seam of `CrewStructuredTool._increment_usage_count`, which the text path calls twice for each use."""
    request = current_request.get()
    if request is None or request.tool is not tool:
        original(tool)
    elif not request.is_counted:
        request.is_counted = True
        original(tool)


def check_repeated_call(original: Original, *args: Any, **kwargs: Any) -> None:
    """Seam of `check_repeated_tool_call`, which ends the run at the 5th identical call, even with a poll's new result.

    It stays for what never became a call: an unknown tool, or a hook that blocks the same request again and again.
    """
    request = current_request.get() or last_request.get()
    last_request.set(None)
    if request is None or request.is_unused or not _engine_watches(request):
        original(*args, **kwargs)
        return
    runs.end_agent_if_time_is_over(request.terms.name, kwargs.get("agent"), kwargs.get("task"))
    _raise_if_ended()


def _engine_watches(request: Request | None) -> bool:
    """Whether repetitions are the engine's business. A poller may repeat itself anyway."""
    guard = guarding.active()
    return request is not None and (request.terms.is_poller or guard is None or guard.has_engine)


def has_reached_max_iterations(original: Original, *args: Any, **kwargs: Any) -> bool:
    """Seam of `has_reached_max_iterations`: CrewAI then asks the model for its final answer, without tools."""
    _raise_if_ended()
    return runs.end() is not None or bool(original(*args, **kwargs))


def _raise_if_ended() -> None:
    guard, record = guarding.active(), runs.end()
    if guard is not None and record is not None and (guard.on_run_end == "raise" or runs.is_cancelled()):
        raise runs.RunEndedError(record)


def read_cache(original: Original, cache: Any, *args: Any, **kwargs: Any) -> Any:
    """Seam of `CacheHandler.read`."""
    request = current_request.get()
    if request is None:
        return original(cache, *args, **kwargs)
    if request.bypasses_cache:
        return None
    value = original(cache, *args, **kwargs)
    if value is not None:
        request.found_in_cache(value)
    return value


@contextmanager
def _carried_out_once(usage: Any, request: Request) -> Iterator[None]:
    """CrewAI would make three attempts of a tool that raises. Its text, event and counters are those of the last."""
    attempts = usage._max_parsing_attempts
    usage._max_parsing_attempts = 1
    decoding = decodes_images.set(False)  # an agent that works in the body is another
    try:
        with carried_out_by_crewai(request):
            yield
    finally:
        decodes_images.reset(decoding)
        usage._max_parsing_attempts = attempts


def _for_model(text: Any, request: Request, usage: Any, tool: Any) -> Any:
    is_final = tool.result_as_answer and usage.last_failure is None
    return text if is_final else request.for_model(text, decodes_images=decodes_images.get())
