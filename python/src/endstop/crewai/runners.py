"""Runs the true body of an admitted request: here or in a worker, as admission said."""

from __future__ import annotations

import contextvars
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any

from crewai.tools.base_tool import Tool

from endstop.client.movable import movable
from endstop.client.ticket import Ticket
from endstop.crewai.contexts import ContextChanges
from endstop.crewai.moving import part_to_move
from endstop.crewai.requests import Request, current_request
from endstop.crewai.scope import during
from endstop.drained import drained, drained_async, is_async_function

Body = Callable[..., Any]

entering: ContextVar[Any] = ContextVar("endstop_crewai_entering", default=None)
"""A tool whose admitted body is about to call a seam of the same tool, such as `super().run()`: it is let through."""

_SEAM_NAMES = frozenset({"run", "arun", "invoke", "ainvoke"})


def letting_through(tool: Any) -> AbstractContextManager[None]:
    """The scope in which a call of this tool's seam is part of the call that is running already. None: no tool."""
    return during(entering, tool)


def sync_runner(request: Request, body: Body) -> Body:
    """Takes the body's place where CrewAI calls it from a thread."""

    def runner(*args: Any, **kwargs: Any) -> Any:
        ticket = request.start()
        if isinstance(ticket, Ticket) and ticket.placement == "worker":
            with request.timing.carrying_out(in_worker=True):
                request.outcome = ticket.run_in_worker(lambda: (movable(part_to_move(body)), args, kwargs))
        else:
            changes = ContextChanges(request.timing)
            with request.timing.carrying_out(in_worker=False):
                request.outcome = ticket.run(_host_body(body, args, kwargs, changes))
            changes.apply()
        return request.deliver()

    return runner


def async_runner(request: Request, body: Body) -> Body:
    """Takes the body's place where CrewAI awaits it, or calls it from a thread of the loop's executor."""
    if not _is_async(body):
        # The executor's thread starts with an empty context.
        context = contextvars.copy_context()
        runner_in_thread = sync_runner(request, body)
        return lambda *args, **kwargs: context.run(runner_in_thread, *args, **kwargs)

    async def runner(*args: Any, **kwargs: Any) -> Any:
        ticket = request.start()
        if isinstance(ticket, Ticket) and ticket.placement == "worker":
            with request.timing.carrying_out(in_worker=True):
                request.outcome = await ticket.run_in_worker_async(lambda: (movable(part_to_move(body)), args, kwargs))
        else:
            changes = ContextChanges(request.timing)
            with request.timing.carrying_out(in_worker=False):
                request.outcome = await ticket.run_async(_host_body_async(body, args, kwargs, changes))
            changes.apply()
        return request.deliver()

    return runner


def _is_async(body: Body) -> bool:
    """Whether a call of the body gives something to await. Of a `@tool` its function says it, not its method."""
    owner = getattr(body, "__self__", None)
    return is_async_function(body) or (isinstance(owner, Tool) and is_async_function(owner.func))


def _host_body(body: Body, args: tuple[Any, ...], kwargs: dict[str, Any], changes: ContextChanges) -> Callable[[], Any]:
    def host_body() -> Any:
        with _noting(changes), _inside(body):
            return drained(body(*args, **kwargs))

    return host_body


def _host_body_async(
    body: Body, args: tuple[Any, ...], kwargs: dict[str, Any], changes: ContextChanges
) -> Callable[[], Awaitable[Any]]:
    async def host_body() -> Any:
        with _noting(changes), _inside(body):
            return await drained_async(body(*args, **kwargs))

    return host_body


@contextmanager
def _noting(changes: ContextChanges) -> Iterator[None]:
    changes.start()
    try:
        yield
    finally:
        changes.end()


@contextmanager
def _inside(body: Body) -> Iterator[None]:
    """A body's own tool calls are requests of their own, unless the body is a way to a seam of the same tool."""
    token = current_request.set(None)
    try:
        with letting_through(getattr(body, "__self__", None) if getattr(body, "__name__", "") in _SEAM_NAMES else None):
            yield
    finally:
        current_request.reset(token)
