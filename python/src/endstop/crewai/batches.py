"""The native tool calls of one answer: as many at once as on plain CrewAI, or as `max_batch` says.

CrewAI itself runs at most eight at a time, and one after the other as soon as one of the tools has `max_usage_count` or
`result_as_answer`. Where the user has said `max_batch`, what those two mean is kept here by order among the calls that
they concern.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from crewai.utilities.agent_utils import extract_tool_call_info

from endstop.crewai import guarding
from endstop.crewai.rendering import tool_named

CREWAIS_OWN = 8
"""Calls of one answer that CrewAI runs at once; further ones start as others end."""


@dataclass(frozen=True, slots=True)
class Place:
    """One call among those of its answer: which ones it comes after, and which of those may make it needless."""

    after: frozenset[int]
    finals: frozenset[int]


_FREE = Place(frozenset(), frozenset())

_planned: ContextVar[Sequence[Place] | None] = ContextVar("endstop_crewai_planned", default=None)


def should_parallelize(original: Callable[..., bool], executor: Any, tool_calls: list[Any]) -> bool:
    """Seam of `AgentExecutor._should_parallelize_native_tool_calls`."""
    guard = guarding.active()
    tools = [_tool_of(executor, call) for call in tool_calls]
    if guard is None or len(tools) < 2 or not all(tool is None or guard.terms(tool) for tool in tools):
        return original(executor, tool_calls)
    if guard.max_batch is not None:
        _planned.set(plan(tools))
        return True
    if not original(executor, tool_calls):
        return False
    _planned.set([_FREE] * len(tools))
    return True


def batch_threads(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Seam of the `ThreadPoolExecutor` that the module of `AgentExecutor` makes for each batch."""
    places = _planned.get()
    if places is None:
        return original(*args, **kwargs)
    _planned.set(None)
    guard = guarding.active()
    return BatchThreads(places, (guard and guard.max_batch) or CREWAIS_OWN)


def plan(tools: Sequence[Any]) -> list[Place]:
    """What the rules of CrewAI mean for the order of calls of these tools; None is no tool that it knows.

    A call after one whose result is the answer waits for it, and is not made if it succeeds. A call that passes its
    tool's `max_usage_count` waits for those before it: should one of them not use its tool, it may.
    """
    places: list[Place] = []
    finals: list[int] = []
    uses: dict[int, list[int]] = {}
    for index, tool in enumerate(tools):
        earlier = uses.setdefault(id(tool), [])
        limit = getattr(tool, "max_usage_count", None)
        is_over = limit is not None and getattr(tool, "current_usage_count", 0) + len(earlier) >= limit
        places.append(Place(frozenset(finals) | frozenset(earlier if is_over else ()), frozenset(finals)))
        earlier.append(index)
        if getattr(tool, "result_as_answer", False):
            finals.append(index)
    return places


class BatchThreads:
    """Stands in for the pool of one batch: the n-th submission is the n-th call, each in a thread of its own."""

    def __init__(self, places: Sequence[Place], at_once: int) -> None:
        self._places = places
        self._at_once = at_once
        self._lock = threading.Lock()
        self._futures: list[Future[Any]] = []
        self._ended: set[int] = set()
        self._waiting: deque[tuple[int, Callable[[], Any]]] = deque()
        self._running = 0

    def submit(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        future: Future[Any] = Future()
        with self._lock:
            index = len(self._futures)
            self._futures.append(future)
            self._waiting.append((index, lambda: function(*args)))
        self._start_ready()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        with self._lock:
            futures = list(self._futures)
            if cancel_futures:
                for index, _ in self._waiting:
                    futures[index].cancel()
                self._waiting.clear()
        if wait:
            for future in futures:
                if not future.cancelled():
                    future.exception()

    def __enter__(self) -> BatchThreads:
        return self

    def __exit__(self, *_problem: object) -> None:
        self.shutdown(wait=True)

    def _start_ready(self) -> None:
        """Starts what may start now, and ends what is not to be made at all: without a result CrewAI leaves it out."""
        needless: list[Future[Any]] = []
        with self._lock:
            left: deque[tuple[int, Callable[[], Any]]] = deque()
            for index, call in self._waiting:
                place = self._places[index]
                if any(self._is_answer(final) for final in place.finals):
                    needless.append(self._futures[index])
                    self._ended.add(index)
                elif not place.after <= self._ended or not self._start(index, call):
                    left.append((index, call))
            self._waiting = left
        for future in needless:
            future.set_result(None)

    def _is_answer(self, index: int) -> bool:
        """Whether the call whose result is the answer has succeeded."""
        future = self._futures[index]
        if index not in self._ended or future.cancelled() or future.exception() is not None:
            return False
        result = future.result()
        return result is not None and result.get("tool_failure") is None

    def _start(self, index: int, call: Callable[[], Any]) -> bool:
        if self._running >= self._at_once:
            return False
        thread = threading.Thread(
            target=self._run, args=(index, call), name=f"endstop-native-batch-{index}", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:  # no thread can be had: as soon as one of the others ends
            if self._running == 0:
                raise
            return False
        self._running += 1
        return True

    def _run(self, index: int, call: Callable[[], Any]) -> None:
        future = self._futures[index]
        try:
            future.set_result(call())
        except BaseException as problem:  # its reader's: as a pool would
            future.set_exception(problem)
        with self._lock:
            self._running -= 1
            self._ended.add(index)
        self._start_ready()


def _tool_of(executor: Any, tool_call: Any) -> Any:
    info = extract_tool_call_info(tool_call)
    if info is None:
        return None
    mapped = (getattr(executor, "_tool_name_mapping", None) or {}).get(info[1])
    return mapped or tool_named(info[1], executor.original_tools, executor.tools)
