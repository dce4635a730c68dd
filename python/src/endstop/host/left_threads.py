"""Threads of `asyncio.to_thread` in which bodies are stuck: neither loop nor the end of the program waits for them."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import sys
import threading
import weakref
from concurrent.futures import thread as pool
from contextvars import Context
from typing import Any

from endstop.host.waiting import current_clock

_left: weakref.WeakSet[threading.Thread] = weakref.WeakSet()


def leave_threads(loop: asyncio.AbstractEventLoop) -> None:
    """`asyncio.run` waits for the threads of `asyncio.to_thread`, and in one the body may be stuck: others are next.

    What is running in those that are left goes on. An executor that the application has set is its own.
    """
    executor = getattr(loop, "_default_executor", None)
    if getattr(executor, "_thread_name_prefix", None) != "asyncio":
        return
    _left.update(getattr(executor, "_threads", ()))
    loop.set_default_executor(pool.ThreadPoolExecutor(thread_name_prefix="asyncio"))


def _let_go() -> None:
    """Before the interpreter joins its threads: of those that were left, it waits for what is no body's work."""
    for thread in list(_left):
        if thread.is_alive() and _works_for_a_body(thread):
            module: Any = threading
            queues: Any = getattr(pool, "_threads_queues", {})
            queues.pop(thread, None)
            with module._shutdown_locks_lock:
                module._shutdown_locks.discard(getattr(thread, "_tstate_lock", None))


def _works_for_a_body(thread: threading.Thread) -> bool:
    frame = sys._current_frames().get(thread.ident or 0)
    while frame is not None and frame.f_code is not pool._WorkItem.run.__code__:
        frame = frame.f_back
    # `asyncio.to_thread` runs its function by the `run` of a copy of the caller's context.
    work = None if frame is None else getattr(frame.f_locals.get("self"), "fn", None)
    run = work.func if isinstance(work, functools.partial) else None
    context = getattr(run, "__self__", None)
    return isinstance(context, Context) and context.get(current_clock) is not None


# The last one is called first: before the pools wait for their threads. Python 3.13 keeps its list of threads where
# nobody can reach it.
if hasattr(threading, "_register_atexit") and hasattr(threading, "_shutdown_locks"):
    with contextlib.suppress(RuntimeError):  # the interpreter is ending
        threading._register_atexit(_let_go)
