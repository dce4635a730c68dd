"""The seams of what starts a run, and of what bounds an agent's time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from endstop.crewai import guarding
from endstop.crewai.interrupts import cancelled_by_ctrl_c
from endstop.crewai.requests import last_request
from endstop.crewai.runs import Run, agent_at_task, agent_time, current_run


@contextmanager
def _run(kicked_off: Any) -> Iterator[None]:
    """A run, unless one is open in this context: then what happens here is part of it."""
    guard, outer = guarding.active(), current_run.get()
    if guard is not None:
        guard.rules.saw_crew(kicked_off)
    if guard is None or (outer is not None and not outer.is_over):
        yield
        return
    guard.patches.mend()
    guard.admitting.require_engine()
    guard.warm_up.begin()
    run = Run()
    token = current_run.set(run)
    # A LiteAgent never asks about its last request: the next agent of this context would be asked about it.
    last = last_request.set(None)
    try:
        with cancelled_by_ctrl_c(run):
            yield
    except Exception:
        raise
    except BaseException:  # an interrupt, or its task was cancelled: nobody waits for its tools any more
        run.cancel()
        raise
    finally:
        last_request.reset(last)
        current_run.reset(token)
        run.close()
    guard.rules.kickoff_ended()


@contextmanager
def _agent_at_task(agent: Any) -> Iterator[None]:
    """The scope of one agent's work on one task; its executor knows all tools that it then has."""
    with agent_at_task():
        yield
    guard = guarding.active()
    if guard is not None:
        guard.rules.saw_agent(agent, getattr(getattr(agent, "agent_executor", None), "original_tools", None))


def kickoff(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Seam of the kickoffs of crews and flows."""
    with _run(args[0]):
        return original(*args, **kwargs)


async def kickoff_async(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Seam of their asynchronous kickoffs."""
    with _run(args[0]):
        return await original(*args, **kwargs)


def agent_kickoff(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Seam of the kickoffs of agents."""
    with _run(args[0]), _agent_at_task(args[0]):
        return original(*args, **kwargs)


async def agent_kickoff_async(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Seam of their asynchronous kickoffs."""
    with _run(args[0]), _agent_at_task(args[0]):
        return await original(*args, **kwargs)


def execute_task(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Seam of `Agent.execute_task`."""
    with _agent_at_task(args[0]):
        return original(*args, **kwargs)


async def execute_task_async(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Seam of `Agent.aexecute_task`."""
    with _agent_at_task(args[0]):
        return await original(*args, **kwargs)


def execute_with_timeout(original: Callable[..., Any], agent: Any, task_prompt: str, task: Any, timeout: int) -> Any:
    """Seam of `Agent._execute_with_timeout`."""
    with agent_time(task, timeout):
        return original(agent, task_prompt, task, timeout)


async def execute_with_timeout_async(
    original: Callable[..., Any], agent: Any, task_prompt: str, task: Any, timeout: int
) -> Any:
    """Seam of `Agent._aexecute_with_timeout`."""
    with agent_time(task, timeout):
        return await original(agent, task_prompt, task, timeout)
