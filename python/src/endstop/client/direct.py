"""Calls without an engine: `ENDSTOP=0` is in the environment, and nothing bounds a tool."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from endstop.client import local_outcomes
from endstop.client.local_outcomes import CallFacts
from endstop.client.policy import suggestion
from endstop.client.submission import CallRequest
from endstop.client.tools import Misfit, RegisteredTool
from endstop.errorinfo import describe_exception
from endstop.outcome import Outcome


def call_directly(
    request: CallRequest, tool: RegisteredTool | None, arguments: dict[str, Any], known: Iterable[str]
) -> Outcome:
    """Runs the body in this thread. KeyboardInterrupt and SystemExit pass through."""
    facts = _facts(request, arguments)
    try:
        if tool is None or request.failed_dependency is not None:
            return _refused(request, facts, known)
        return local_outcomes.success(facts, tool.call(tool.fitting(arguments)))
    except Misfit as problem:
        return local_outcomes.failure("invalid-input", facts, attempts=0, detail=str(problem))
    except Exception as problem:  # the body's own
        return local_outcomes.raised(facts, problem, describe_exception(problem))


async def call_directly_async(
    request: CallRequest, tool: RegisteredTool | None, arguments: dict[str, Any], known: Iterable[str]
) -> Outcome:
    """The same without blocking the loop: a coroutine body runs in it, a plain one in a thread."""
    facts = _facts(request, arguments)
    try:
        if tool is None or request.failed_dependency is not None:
            return _refused(request, facts, known)
        body = tool.async_call(tool.fitting(arguments))
        value = await (body() if asyncio.iscoroutinefunction(body) else asyncio.to_thread(body))
        return local_outcomes.success(facts, value)
    except Misfit as problem:
        return local_outcomes.failure("invalid-input", facts, attempts=0, detail=str(problem))
    except Exception as problem:  # the body's own
        return local_outcomes.raised(facts, problem, describe_exception(problem))


def _facts(request: CallRequest, arguments: dict[str, Any]) -> CallFacts:
    """Nothing is limited."""
    return CallFacts(f"direct-{request.tool}", request.tool, "host", {"maxResultBytes": None}, arguments)


def _refused(request: CallRequest, facts: CallFacts, known: Iterable[str]) -> Outcome:
    if request.failed_dependency is not None:
        return local_outcomes.failure("dependency-failed", facts, attempts=0, detail=request.failed_dependency)
    return local_outcomes.failure("unknown-tool", facts, attempts=0, detail=suggestion(request.tool, known))
