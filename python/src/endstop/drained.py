"""What the value of a body stands for, wherever the body runs: what it is still to do is done, under its deadline."""

from __future__ import annotations

import inspect
from collections.abc import Coroutine
from types import AsyncGeneratorType, GeneratorType
from typing import Any


def drained(value: Any) -> Any:
    """A coroutine is run in an event loop of its own; of a generator, sync or async, the list of what it gives.

    Raises what they raise.
    """
    # A generator under `types.coroutine` is to be awaited, any other drained.
    if not isinstance(value, (Coroutine, AsyncGeneratorType)) and not _is_awaitable_generator(value):
        return list(value) if isinstance(value, GeneratorType) else value
    import asyncio  # slow to import, and most tools are not async

    raised: list[BaseException] = []

    async def wait() -> Any:
        # Carried past asyncio, whose frames would stand before the tool's own in the traceback.
        try:
            return await drained_async(value)
        except BaseException as problem:
            raised.append(problem)

    result = asyncio.run(wait())
    if raised:
        raise raised[0]
    return result


async def drained_async(value: Any) -> Any:
    """The same in the caller's loop. Whatever else can be awaited is awaited, too."""
    if inspect.isawaitable(value):
        value = await value
    if isinstance(value, AsyncGeneratorType):
        try:
            return [item async for item in value]
        finally:  # one that is left half way, at a deadline, is closed now, not when it is collected
            await value.aclose()
    return list(value) if isinstance(value, GeneratorType) else value


def _is_awaitable_generator(value: Any) -> bool:
    return isinstance(value, GeneratorType) and bool(value.gi_code.co_flags & inspect.CO_ITERABLE_COROUTINE)


def is_async_function(function: Any) -> bool:
    """Whether a call of it gives something that wants a loop."""
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
