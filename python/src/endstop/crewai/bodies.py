"""The body seam: CrewAI's own `run` and `invoke` validate and count as ever, and the true body runs as admitted."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

from endstop.crewai import guarding
from endstop.crewai.patches import is_placed
from endstop.crewai.requests import Request, ask, ask_async, current_request, read_by_a_model
from endstop.crewai.runners import Body, async_runner, entering, letting_through, sync_runner
from endstop.crewai.stand_ins import StandIn

Original = Callable[..., Any]


def run(original: Original, tool: Any, *args: Any, **kwargs: Any) -> Any:
    """Seam of `BaseTool.run`."""
    return _answer(_Invocation.of(original, tool, "_run", args, kwargs))


def run_function(original: Original, tool: Any, *args: Any, **kwargs: Any) -> Any:
    """Seam of `Tool.run`, which calls the function itself, and of `CrewStructuredTool.invoke`."""
    return _answer(_Invocation.of(original, tool, "func", args, kwargs))


async def run_async(original: Original, tool: Any, *args: Any, **kwargs: Any) -> Any:
    """Seam of `BaseTool.arun` and `Tool.arun`."""
    return await _answer_async(_Invocation.of(original, tool, "_arun", args, kwargs))


async def run_function_async(original: Original, tool: Any, *args: Any, **kwargs: Any) -> Any:
    """Seam of `CrewStructuredTool.ainvoke`."""
    return await _answer_async(_Invocation.of(original, tool, "func", args, kwargs))


def through_seam(tool: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that CrewAI calls for a tool, led through the body seam if it does not go there by itself.

    It does not if it was bound before `install()`, belongs to a subclass with its own `run`, or is no tool's at all.
    """
    if is_placed(function) or hasattr(function, "__endstop_detour__"):
        return function
    bound_run = getattr(tool, "run", None)
    if getattr(function, "__self__", None) is tool and is_placed(bound_run):
        return cast("Callable[..., Any]", bound_run)

    def detour(*args: Any, **kwargs: Any) -> Any:
        return _answer(
            _Invocation(
                tool=tool,
                tool_input=_input_of(args, kwargs),
                body=function,
                unguarded=lambda: function(*args, **kwargs),
                with_body=lambda body: body(*args, **kwargs),
            )
        )

    detour.__endstop_detour__ = True  # type: ignore[attr-defined]
    return detour


@dataclass(frozen=True, slots=True)
class _Invocation:
    """One call that arrived at the body seam: its true body, and CrewAI's code around it with any body in its place."""

    tool: Any
    tool_input: Any
    body: Body
    unguarded: Callable[[], Any]
    with_body: Callable[[Body], Any]

    @classmethod
    def of(
        cls, original: Original, tool: Any, body_name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> _Invocation:
        return cls(
            tool=tool,
            tool_input=_input_of(args, kwargs),
            body=getattr(tool, body_name),
            unguarded=functools.partial(original, tool, *args, **kwargs),
            with_body=lambda body: original(StandIn(tool, {body_name: body}), *args, **kwargs),
        )


def _input_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    return {"args": list(args), **kwargs} if args else kwargs


def _answer(invocation: _Invocation) -> Any:
    tool = invocation.tool
    if entering.get() is tool:
        with letting_through(None):
            return invocation.unguarded()
    request = _claimed_request(tool)
    if request is not None:
        return _carry_out(invocation, request)

    guard = guarding.active()
    terms = guard.terms(tool) if guard is not None else None
    if guard is None or terms is None:
        return invocation.unguarded()
    is_read = read_by_a_model.get() is tool
    if is_read:
        read_by_a_model.set(None)  # what its body calls is read by the body
    request = ask(guard, tool, terms, guard.codes_call(terms, invocation.tool_input), to_agent=False)
    try:
        value = _carry_out(invocation, request)
    finally:
        request.finish()
    return request.for_model(value) if is_read else value


async def _answer_async(invocation: _Invocation) -> Any:
    tool = invocation.tool
    if entering.get() is tool:
        with letting_through(None):
            return await invocation.unguarded()
    request = _claimed_request(tool)
    if request is not None:
        return await _carry_out_async(invocation, request)

    guard = guarding.active()
    terms = guard.terms(tool) if guard is not None else None
    if guard is None or terms is None:
        return await invocation.unguarded()
    request = await ask_async(guard, tool, terms, guard.codes_call(terms, invocation.tool_input), to_agent=False)
    try:
        return await _carry_out_async(invocation, request)
    finally:
        request.finish()


def _claimed_request(tool: Any) -> Request | None:
    """The agent's request that this call of the tool belongs to."""
    request = current_request.get()
    return request if request is not None and request.tool is tool and request.claim() else None


def _carry_out(invocation: _Invocation, request: Request) -> Any:
    if request.outcome is not None:
        return request.deliver()
    with _noting_misfits(request):
        return invocation.with_body(sync_runner(request, invocation.body))


async def _carry_out_async(invocation: _Invocation, request: Request) -> Any:
    if request.outcome is not None:
        return request.deliver()
    with _noting_misfits(request):
        return await invocation.with_body(async_runner(request, invocation.body))


@contextmanager
def _noting_misfits(request: Request) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        if request.outcome is None:
            request.did_not_fit(error)
        raise
