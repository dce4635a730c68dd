"""A batch of calls: each starts when those it comes after have succeeded."""

from __future__ import annotations

import asyncio
import contextvars
import queue
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any, TypedDict

from endstop.client.policy import suggestion
from endstop.host.cancelling import Cancellation
from endstop.outcome import Outcome


class BatchCall(TypedDict, total=False):
    """One call of a batch; `tool` is needed.

    `name` is how others name it in their `after`. A call after one that did not succeed is rejected with the code
    `dependency-failed`, unless its `after_failure` is "run". `idempotency_key`: as `ToolExecutor.execute_tool` has it.
    """

    tool: str
    args: dict[str, Any] | None
    name: str
    after: Sequence[str]
    after_failure: str
    idempotency_key: str


@dataclass(slots=True)
class Node:
    """A call of a batch as it is carried out. `failed` is the name of a call before it that did not succeed."""

    index: int
    tool: str
    args: dict[str, Any] | None
    name: str
    parents: tuple[int, ...] = ()
    runs_after_failure: bool = False
    failed: str | None = None
    idempotency_key: str | None = None
    cancellation: Cancellation = field(default_factory=Cancellation)


class Batch:
    """Which calls may start now, and what came of those that ended."""

    def __init__(self, calls: Sequence[BatchCall]) -> None:
        """Raises TypeError or ValueError for what cannot be; nothing has started then."""
        self.nodes = _nodes(calls)
        self.outcomes: dict[int, Outcome] = {}
        self._sorter = TopologicalSorter({node.index: node.parents for node in self.nodes})
        try:
            self._sorter.prepare()
        except CycleError as problem:
            cycle = " → ".join(self.nodes[index].name for index in problem.args[1])
            raise ValueError(f"the batch has a cycle: {cycle}") from None

    def ready(self) -> list[Node]:
        """The calls that have become ready since it was asked last."""
        nodes = [self.nodes[index] for index in self._sorter.get_ready()]
        for node in nodes:
            if not node.runs_after_failure:
                failed = (parent for parent in node.parents if not self.outcomes[parent].succeeded)
                node.failed = next((self.nodes[parent].name for parent in failed), None)
        return nodes

    def ended(self, node: Node, outcome: Outcome) -> None:
        self.outcomes[node.index] = outcome
        self._sorter.done(node.index)

    @property
    def results(self) -> list[Outcome] | None:
        """The outcomes in the order of the calls, once all have ended."""
        return None if self._sorter.is_active() else [self.outcomes[node.index] for node in self.nodes]


@dataclass(slots=True)
class _Ended:
    node: Node
    outcome: Outcome | None = None
    problem: BaseException | None = field(default=None)


def run_in_threads(batch: Batch, call: Callable[[Node], Outcome]) -> list[Outcome]:
    """Each call in a thread of its own, in the caller's context. What one raises is raised here.

    A KeyboardInterrupt goes on at once, and so does what a call raises: nothing more is started, and what runs is
    cancelled.
    """
    running: dict[int, Cancellation] = {}
    endings: queue.SimpleQueue[_Ended] = queue.SimpleQueue()

    def run(node: Node) -> None:
        try:
            endings.put(_Ended(node, call(node)))
        except BaseException as problem:  # handed to the thread that waits for it
            endings.put(_Ended(node, problem=problem))

    try:
        while (results := batch.results) is None:
            for node in batch.ready():
                running[node.index] = node.cancellation
                context = contextvars.copy_context()
                threading.Thread(
                    target=context.run, args=(run, node), name=f"endstop-batch-{node.name}", daemon=True
                ).start()
            ended = endings.get()
            del running[ended.node.index]
            if ended.outcome is None:
                assert ended.problem is not None
                raise ended.problem
            batch.ended(ended.node, ended.outcome)
        return results
    finally:
        for cancellation in running.values():
            cancellation.request()


async def run_in_tasks(batch: Batch, call: Callable[[Node], Awaitable[Outcome]]) -> list[Outcome]:
    """Each call in a task of its own. Cancelling this cancels them, and so does what one of them raises."""
    tasks: dict[asyncio.Task[Outcome], Node] = {}
    try:
        while (results := batch.results) is None:
            for node in batch.ready():
                tasks[asyncio.ensure_future(_awaited(call(node)))] = node
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                batch.ended(tasks.pop(task), task.result())
        return results
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _awaited(outcome: Awaitable[Outcome]) -> Outcome:
    return await outcome


def _nodes(calls: Sequence[BatchCall]) -> list[Node]:
    if isinstance(calls, (str, Mapping)) or not isinstance(calls, Sequence):
        raise TypeError(f"calls must be a list of dicts, got {calls!r}")
    nodes = [_node(index, call) for index, call in enumerate(calls)]
    by_name: dict[str, int] = {}
    for node, call in zip(nodes, calls, strict=True):
        if "name" in call and by_name.setdefault(node.name, node.index) != node.index:
            raise ValueError(f"the batch has two calls named {node.name!r}")
    for node, call in zip(nodes, calls, strict=True):
        node.parents = tuple(_parents(node, call.get("after", ()), by_name))
    return nodes


def _node(index: int, call: BatchCall) -> Node:
    if not isinstance(call, Mapping):
        raise TypeError(f"calls[{index}] must be a dict, got {call!r}")
    for key in call:
        if key not in BatchCall.__annotations__:
            raise TypeError(f"calls[{index}] has no {key!r}. {suggestion(str(key), BatchCall.__annotations__)}")
    for key in ("tool", "name", "idempotency_key"):
        if key in call or key == "tool":
            text = call.get(key)
            if not isinstance(text, str):
                raise TypeError(f"calls[{index}]: {key} must be a text, got {text!r}")
    args, after_failure = call.get("args"), call.get("after_failure", "reject")
    if args is not None and not isinstance(args, dict):
        raise TypeError(f"calls[{index}]: args must be a dict of keyword arguments, got {args!r}")
    if after_failure not in ("reject", "run"):
        raise ValueError(f'calls[{index}]: after_failure must be "reject" or "run", got {after_failure!r}')
    node = Node(index, call["tool"], args, call.get("name", f"call {index}"), runs_after_failure=after_failure == "run")
    node.idempotency_key = call.get("idempotency_key")
    return node


def _parents(node: Node, after: object, by_name: Mapping[str, int]) -> list[int]:
    if isinstance(after, str) or not isinstance(after, Sequence):
        raise TypeError(f"calls[{node.index}]: after must be a list of names, got {after!r}")
    for name in after:
        if name not in by_name:
            known = suggestion(name, by_name) if by_name else "No call of the batch has a name."
            raise ValueError(f"{node.name} comes after {name!r}, and the batch has no call of that name. {known}")
    return [by_name[name] for name in after]
