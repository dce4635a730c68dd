"""The direct way to call tools with limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any

from endstop.client.batch import Batch, BatchCall, Node, run_in_tasks, run_in_threads
from endstop.client.debugging import debugging
from endstop.client.default_placement import placement_of, tell_it_stays, why_default_passes_over
from endstop.client.direct import call_directly, call_directly_async
from endstop.client.limits import Description, effective_limits, no_limits
from endstop.client.policy import count, engine_options_for_wire, policy_for_wire, refuse_misplaced, suggestion
from endstop.client.prepared import PreparedCall
from endstop.client.session import CallRequest, Session
from endstop.client.stats import CallInFlight, Stats, call_from, no_stats, stats_from
from endstop.client.tools import RegisteredTool
from endstop.client.unset import UNSET, Unset
from endstop.durations import optional_duration_ms
from endstop.host.cancelling import Cancellation
from endstop.outcome import Outcome
from endstop.switches import is_turned_off

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from endstop._options import AgentOptions, EngineOptions, ToolOptions

# The run of each session, for the code in this context.
_NO_RUNS: Mapping[str, str] = MappingProxyType({})
_current_runs: ContextVar[Mapping[str, str]] = ContextVar("endstop_current_runs", default=_NO_RUNS)


class ToolExecutor:
    """Runs tools inside their limits. Threads and asyncio loops may call at once.

    `max_recursion_depth`: how deep tool calls may nest; a call that no tool made is at depth 1. Default 8.
    `timeout_seconds`: how long one attempt may take where the tool says nothing else; the clock starts when the body
    starts. Seconds, a text such as "30s", "500ms" or "2m", or None for no deadline. Default 120 s.
    `agents`: limits of single agents, by the name that calls give as their agent. `resources`: how many calls may use a
    resource that tools name at once, such as {"database": 3}; one that is not listed is for one call alone. `limits`:
    every other limit of docs/limits.md that an engine has, such as `preset="strict"` (it changes the two defaults
    above, too), `mode="observe"` or `budget_calls=100`.

    Raises TypeError or ValueError for an argument that cannot be, with its value. The engine is started by the first
    call; with `ENDSTOP=0` in the environment there is none, and tools run without limits.
    """

    def __init__(
        self,
        max_recursion_depth: int | Unset = UNSET,
        timeout_seconds: float | str | Unset | None = UNSET,
        *,
        agents: Mapping[str, AgentOptions] | None = None,
        resources: Mapping[str, int] | None = None,
        **limits: Unpack[EngineOptions],
    ) -> None:
        options = engine_options_for_wire("ToolExecutor", limits, agents, resources)
        if max_recursion_depth is not UNSET:
            options["maxDepth"] = count(max_recursion_depth, "max_recursion_depth")
        if timeout_seconds is not UNSET:
            options["timeoutMs"] = optional_duration_ms(timeout_seconds, "timeout_seconds")
        self._options = options
        self._session = None if is_turned_off() else Session(options)
        self._tools: dict[str, RegisteredTool] = {}
        self._policies: dict[str, dict[str, Any]] = {}
        self._closed = False

    # -- tools

    def register(self, tool_or_function: Any, *, name: str | None = None, **limits: Unpack[ToolOptions]) -> None:
        """Adds a tool: a plain or async function, a CrewAI tool, or an object with `.name` and `.run` or `.invoke`.

        `limits`: those of docs/limits.md that a tool has, such as `timeout="30s"`, `max_calls=10`, `read_only=True`,
        `poller=True`. `placement="worker"` runs the body in a process that is killed at the deadline; the tool goes
        there as it is at its first call. Where only the executor or an agent says "worker", a tool that cannot go
        there stays on the host, with a line of the logger `endstop`.

        Raises ValueError if the name is taken, TypeError or ValueError for what cannot be.
        """
        tool = RegisteredTool(tool_or_function, name)
        if tool.name in self._tools:
            raise ValueError(f"a tool named {tool.name!r} is registered already")
        policy = policy_for_wire(f"tool {tool.name!r}", limits)
        refuse_misplaced(f"tool {tool.name!r}", policy, self._options)
        reason = why_default_passes_over(tool_or_function, policy, self._options)
        if reason is not None:
            policy["placement"] = "host"
            tell_it_stays(tool.name, reason)
        self._tools[tool.name] = tool
        self._set_policy(tool.name, policy)

    def set_tool_limit(self, tool_name: str, limit: int | None) -> None:
        """Bounds the calls of a tool in all; those that were made count. None is no limit.

        Raises ValueError if there is no such tool, TypeError or ValueError for a limit that cannot be.
        """
        if tool_name not in self._tools:
            raise ValueError(f"there is no tool named {tool_name!r}. {suggestion(tool_name, self._tools)}")
        changed = policy_for_wire(f"tool {tool_name!r}", {"max_calls": limit})
        self._set_policy(tool_name, {**self._policies[tool_name], **changed})

    def describe(self, tool_name: str, agent: str | None = None) -> Description:
        """Every limit in force for a tool, as an agent of that name calls it, and who said it.

        `.warnings` names what the tool shares with this process and a worker would have a copy of.

        Raises ValueError if there is no such tool, EngineError if the engine cannot be used. With `ENDSTOP=0` no limit
        is in force, and each is None.
        """
        if self._session is None and tool_name in self._tools:
            return no_limits()
        described = None if self._session is None else self._session.describe(tool_name, agent)
        if described is None:
            raise ValueError(f"there is no tool named {tool_name!r}. {suggestion(tool_name, self._tools)}")
        return effective_limits(described, self._tools[tool_name].closure_warnings())

    def stats(self) -> Stats:
        """What came of the calls so far, how long they waited and ran, and what is in use now.

        Raises EngineError if the engine cannot be used. With `ENDSTOP=0` nothing is counted.
        """
        if self._session is None:
            return no_stats()
        return stats_from(self._session.stats())

    # -- calls

    def execute_tool(
        self, tool_name: str, args: dict[str, Any] | None = None, *, idempotency_key: str | None = None
    ) -> Any:
        """The tool's value. `args` are its keyword arguments.

        `idempotency_key`: your word that calls with this key are one, in their run, or where they have none, in this
        executor. One that has ended is answered with its outcome, and no body runs, also if the engine was lost
        meanwhile. The last 1,000 are remembered; of a result past 64 kB, or of what has no lossless encoding, only that
        it is done: then the repetition is rejected (`already-done`).

        Raises ToolCallError, which carries the failure, from the exception of the body if there is one; TypeError if
        `args` is not a dict; EngineError if the engine cannot be used.
        """
        return self._try(self._prepare(tool_name, args, key=idempotency_key)).unwrap()

    async def aexecute_tool(
        self, tool_name: str, args: dict[str, Any] | None = None, *, idempotency_key: str | None = None
    ) -> Any:
        """The same without blocking the loop. An async tool runs in this loop; cancelling the await cancels it."""
        return (await self.atry_execute_tool(tool_name, args, idempotency_key=idempotency_key)).unwrap()

    def try_execute_tool(
        self, tool_name: str, args: dict[str, Any] | None = None, *, idempotency_key: str | None = None
    ) -> Outcome:
        """The outcome, whatever it is. Raises TypeError if `args` is not a dict; EngineError as execute_tool does."""
        return self._try(self._prepare(tool_name, args, key=idempotency_key))

    def _try(self, call: PreparedCall) -> Outcome:
        if self._session is None:
            return call_directly(call.request, call.tool, call.arguments, self._tools)
        answer = self._session.submit(call.request)
        if isinstance(answer, Outcome):
            return answer
        if call.refusal is not None and (answer.placement == "worker" or call.refusal["type"] == "invalid"):
            return answer.refuse(call.refusal)
        if call.in_worker and answer.placement == "worker":
            return answer.run_in_worker(call.moving)
        return answer.run(call.body)

    async def atry_execute_tool(
        self, tool_name: str, args: dict[str, Any] | None = None, *, idempotency_key: str | None = None
    ) -> Outcome:
        """The outcome, whatever it is, without blocking the loop."""
        return await self._atry(self._prepare(tool_name, args, key=idempotency_key))

    async def _atry(self, call: PreparedCall) -> Outcome:
        if self._session is None:
            return await call_directly_async(call.request, call.tool, call.arguments, self._tools)
        answer = await self._session.submit_async(call.request)
        if isinstance(answer, Outcome):
            return answer
        if call.refusal is not None and (answer.placement == "worker" or call.refusal["type"] == "invalid"):
            return await answer.refuse_async(call.refusal)
        if call.in_worker and answer.placement == "worker":
            return await answer.run_in_worker_async(call.moving)
        return await answer.run_async(call.async_body)

    # -- batches

    def execute_batch(self, calls: Sequence[BatchCall]) -> list[Outcome]:
        """The outcomes of several calls at once, in their order: `[{"tool": "fetch", "args": {...}, "name": "a"}, …]`.

        A call starts when those that it names in `after` have succeeded; what comes after one that did not is rejected
        (`dependency-failed`), unless its `after_failure` is "run". Each runs in a thread of its own, in this context;
        how many at once, `max_concurrent`, `max_total_concurrent` and `resources` say. On a KeyboardInterrupt nothing
        more is started, and what runs is cancelled.

        Raises ValueError for a cycle or a name that is unknown or taken, TypeError for what is no call, before anything
        starts; EngineError if the engine cannot be used.
        """
        return run_in_threads(Batch(calls), self._call_of_batch)

    async def aexecute_batch(self, calls: Sequence[BatchCall]) -> list[Outcome]:
        """The same without blocking the loop: each call in a task of its own. Cancelling the await cancels them."""
        return await run_in_tasks(Batch(calls), self._async_call_of_batch)

    def _call_of_batch(self, node: Node) -> Outcome:
        return self._try(self._prepare(node.tool, node.args, node.failed, node.cancellation, node.idempotency_key))

    async def _async_call_of_batch(self, node: Node) -> Outcome:
        return await self._atry(
            self._prepare(node.tool, node.args, node.failed, node.cancellation, node.idempotency_key)
        )

    # -- cancelling

    def calls_in_flight(self) -> list[CallInFlight]:
        """The calls that have no outcome yet: where they run, or that they wait. Raises as `stats` does."""
        if self._session is None:
            return []
        return [call_from(told) for told in self._session.calls_in_flight()]

    def cancel(self, run_or_call: str) -> None:
        """Cancels a call, or all calls of a run, which takes no more; each with what its body has called.

        Their outcomes are `cancelled`, and `failure.body` says what is known of each body: it was not started, was
        stopped, finished all the same, or may still be running (`effect-unknown`). They are there at once; a body on
        the host that does not stop has `cancel_grace` (0.5 s) before its caller goes on without it. A body without a
        deadline runs in its caller's own thread, and one in a C call there is waited for. From any thread. A name that
        is no run's and no call's in flight does nothing: it may just have ended.

        Raises TypeError if it is no text.
        """
        if not isinstance(run_or_call, str):
            raise TypeError(f"run_or_call must be the name of a run or a call, got {run_or_call!r}")
        if self._session is not None:
            self._session.cancel(run_or_call)

    # -- runs and the end

    @contextmanager
    def run(self) -> Iterator[str]:
        """Opens a run: calls made in this context belong to it, their loops are seen and `max_calls_per_run` counts.

        Gives the run's name. It ends with the block; calls outside any run have no loop guard.
        """
        if self._session is None:
            yield "off"
            return
        run = self._session.open_run()
        token = _current_runs.set({**_current_runs.get(), self._session.name: run})
        try:
            yield run
        finally:
            _current_runs.reset(token)
            self._session.close_run(run)

    def close(self) -> None:
        """Cancels the calls in flight and takes no more. May be called twice; the engine ends with the process."""
        self._closed = True
        if self._session is not None:
            self._session.close()

    def __enter__(self) -> ToolExecutor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> ToolExecutor:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # -- inside

    def _set_policy(self, tool_name: str, policy: dict[str, Any]) -> None:
        self._policies[tool_name] = policy
        if self._session is not None:
            self._session.register(tool_name, policy)

    def _prepare(
        self,
        tool_name: str,
        args: dict[str, Any] | None,
        failed: str | None = None,
        cancellation: Cancellation | None = None,
        key: str | None = None,
    ) -> PreparedCall:
        if self._closed:
            raise RuntimeError("this ToolExecutor is closed")
        if not isinstance(tool_name, str):
            raise TypeError(f"tool_name must be a text, got {tool_name!r}")
        if args is not None and not isinstance(args, dict):
            raise TypeError(f"args must be a dict of keyword arguments, got {args!r}")
        if key is not None and not (isinstance(key, str) and key):
            raise TypeError(f"idempotency_key must be a text, got {key!r}")
        arguments = {} if args is None else args
        run = None if self._session is None else _current_runs.get().get(self._session.name)
        request = CallRequest(
            tool_name, input=arguments, run=run, failed_dependency=failed, idempotency_key=key, at_once=True
        )
        if cancellation is not None:
            request.cancellation = cancellation
        call = PreparedCall(self._tools.get(tool_name), arguments, request)
        if call.tool is not None and self._session is not None:
            request.debug = debugging()
            placement = placement_of(self._policies[tool_name], self._options, request.agent)
            call.fit(in_worker=placement == "worker" and not request.debug)
        return call
