"""An admitted call whose body has not been started."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Mapping
from contextvars import Context, copy_context
from typing import Any, Protocol

from endstop import frames, values
from endstop.client.connection import ChannelLost, Connection
from endstop.client.context import enter_call
from endstop.client.endings import describe, ending_of, outcome_without_engine, run_described
from endstop.client.inviting import watch_for_children
from endstop.client.keeping import pickle_if_lossless
from endstop.client.local_outcomes import CallFacts
from endstop.client.movable import Movable
from endstop.client.slot import Slot
from endstop.client.worker_start import outcome_from_worker, start_frames
from endstop.errors import EngineError
from endstop.host.asyncbodies import run_async
from endstop.host.bodies import BodyEnd, run_here, run_until
from endstop.host.cancelling import Cancellation
from endstop.host.threads import Key
from endstop.outcome import Outcome, Placement, outcome_from_header


class Home(Protocol):
    """The session that a ticket belongs to: it gives another connection when the engine is lost meanwhile."""

    def connection(self) -> Connection: ...

    async def connection_async(self) -> Connection: ...

    def forget_call(self, call: Any) -> None: ...

    def cancel_below(self, call_id: str) -> None: ...

    def tell_ending(self, connection: Connection, frame: dict[str, Any], kept: bytes) -> None: ...


class Ticket:
    """Exactly one of its methods is called, once; each settles the call and returns its one outcome.

    `timeout_ms` is the deadline, counted from the start of the body; None is none. A KeyboardInterrupt or a
    cancellation that hits a waiting caller cancels the call. If the engine is lost while the body runs on the host, the
    ending is told to the engine that is started next, which knows the call from its journal.
    """

    def __init__(
        self,
        connection: Connection,
        slot: Slot,
        admitted: Mapping[str, Any],
        facts: CallFacts,
        owner: Key,
        *,
        home: Home,
        submission: Any,
    ) -> None:
        """`owner` is the session and the run, for the body threads; `submission` is what `home` knows the call by."""
        self.call_id: str = admitted["callId"]
        self.tool = facts.tool
        self.placement: Placement = admitted["placement"]
        self.timeout_ms: float | None = admitted["timeoutMs"]
        self._grace_ms: float = admitted["cancelGraceMs"]
        self.settled: Outcome | None = None
        self._attempt: int = admitted["attempt"]
        self._connection = connection
        self._slot = slot
        self._facts = CallFacts(self.call_id, facts.tool, self.placement, facts.started_s)
        self._key = (*owner, facts.tool)
        self._home = home
        self._submission = submission
        self._cancellation: Cancellation = submission.cancellation
        self._keep_bytes: int | None = admitted.get("keepBytes")
        """Up to which size the engine takes the result, to answer other calls with it."""
        self._if_returned = admitted.get("ifReturned")
        self._moved = False
        """Whether the ending was told to another engine, which refuses it if it does not know the call."""
        self._used = False

    # -- on the host

    def run(self, body: Callable[[], Any]) -> Outcome:
        """Runs the body here, in a copy of the caller's context: with a deadline on a body thread, else in this thread.

        If the engine allows another attempt, it is run again. A KeyboardInterrupt or SystemExit that the body raises in
        this thread goes on, after it was reported.
        """
        self._use()
        while True:
            end = self._run_once(body)
            if self.timeout_ms is None and end.exception is not None and not isinstance(end.exception, Exception):
                self._report_and_leave(ending_of(end)[0])
                raise end.exception
            ending, value, exception = ending_of(end)
            self._report_and_wait(ending, value)
            if not self._is_to_try_again:
                return self._conclude(ending, value, exception)

    def _run_once(self, body: Callable[[], Any]) -> BodyEnd:
        context = self._context()
        try:
            if self.timeout_ms is None:
                return run_here(lambda: describe(body()), context, self._cancellation)
            key, call_id, grace_ms = self._key, self.call_id, self._grace_ms
            described = functools.partial(run_described, body)
            return run_until(described, context, self.timeout_ms, key, call_id, self._cancellation, grace_ms)
        except RuntimeError as problem:
            return BodyEnd(no_thread=str(problem))
        except BaseException:
            self.cancel()
            raise
        finally:
            self._cancellation.on_request(None)

    async def run_async(self, body: Callable[[], Any]) -> Outcome:
        """The same without blocking the loop: coroutines run in the caller's loop, plain functions on a body thread."""
        self._use()
        while True:
            ending, value, exception = ending_of(await self._run_once_async(body))
            await self._report_and_wait_async(ending, value)
            if not self._is_to_try_again:
                return self._conclude(ending, value, exception)

    async def _run_once_async(self, body: Callable[[], Any]) -> BodyEnd:
        context = self._context()
        try:
            key, call_id, grace_ms = self._key, self.call_id, self._grace_ms
            end = await run_async(body, context, self.timeout_ms, key, call_id, self._cancellation, grace_ms)
        except RuntimeError as problem:
            return BodyEnd(no_thread=str(problem))
        except BaseException:
            self.cancel()
            raise
        if end.exception is None and end.expired_ms is None and end.cancelled is None:
            end.value = describe(end.value)
        return end

    # -- in a worker

    def run_in_worker(self, load: Movable, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Outcome:
        """Runs `load` in a worker. What cannot be sent settles the call as `cannot-move` or `too-large`."""
        self._use()
        data, problem = start_frames(self._connection, {"type": "start", "id": self._slot.id}, load, args, kwargs)
        if problem is not None:
            return self._settle(problem)
        try:
            self._connection.send(data)
            self._connection.loaded.add(load.key)
            self._connection.wait(self._slot, settled=True)
        except ChannelLost:
            pass
        except BaseException:
            self.cancel()
            raise
        self._home.forget_call(self._submission)
        return self._keep(outcome_from_worker(self._slot, self._facts))

    async def run_in_worker_async(self, load: Movable, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Outcome:
        self._use()
        data, problem = start_frames(self._connection, {"type": "start", "id": self._slot.id}, load, args, kwargs)
        if problem is not None:
            return await self._settle_async(problem)
        try:
            self._connection.send(data)
            self._connection.loaded.add(load.key)
            await self._connection.wait_async(self._slot, settled=True)
        except ChannelLost:
            pass
        except BaseException:
            self.cancel()
            raise
        self._home.forget_call(self._submission)
        return self._keep(outcome_from_worker(self._slot, self._facts))

    # -- without a body

    def answered(self, value: Any) -> Outcome:
        """The framework's own cache had the value: no body ran."""
        self._use()
        described = describe(value)
        return self._settle({"type": "answered", "digest": described.digest, "preview": described.preview}, value)

    def invalid(self, detail: str) -> Outcome:
        """The input did not fit: no body ran."""
        self._use()
        return self._settle({"type": "invalid", "detail": values.clean(detail)})

    def give_back(self, detail: str) -> Outcome:
        """No body ran: a hook blocked the call, or its caller was aborted."""
        self._use()
        return self._settle({"type": "not-run", "detail": values.clean(detail)})

    def refuse(self, ending: dict[str, Any]) -> Outcome:
        """No body ran, for the reason that the ending has."""
        self._use()
        return self._settle(ending)

    async def refuse_async(self, ending: dict[str, Any]) -> Outcome:
        self._use()
        return await self._settle_async(ending)

    def cancel(self) -> None:
        """Tells the engine that nobody waits any more. What the body calls ends, too."""
        self._home.forget_call(self._submission)
        self._home.cancel_below(self.call_id)
        self._connection.drop_slot(self._slot)
        with contextlib.suppress(ChannelLost):
            self._connection.send(frames.encode({"type": "cancel", "id": self._slot.id}))

    # -- settling

    def _use(self) -> None:
        if self._used:
            raise RuntimeError(f"the call {self.call_id} of {self.tool} was already started or given back")
        self._used = True

    def _context(self) -> Context:
        context = copy_context()
        enter_call(context, self.call_id, self._connection)
        watch_for_children()
        return context

    def _report(self, ending: dict[str, Any], *, kept: bytes = b"", again: bool = False) -> None:
        self._slot.admitted = None  # the next thing to be heard is the outcome, or that another attempt is admitted
        frame = {"type": "ended", "id": self._slot.id, "attempt": self._attempt, "ending": ending}
        self._connection.send(frames.encode({**frame, "again": True} if again else frame, kept))

    def _kept(self, ending: dict[str, Any], value: Any) -> bytes:
        if self._keep_bytes is None or ending["type"] != "returned":
            return b""
        return pickle_if_lossless(value, self._keep_bytes)

    def _report_and_leave(self, ending: dict[str, Any]) -> None:
        self._home.forget_call(self._submission)
        self._connection.drop_slot(self._slot)
        with contextlib.suppress(ChannelLost):
            self._report(ending)

    def _settle_at_once(self, ending: dict[str, Any], kept: bytes) -> bool:
        """By what the engine said with its admission, if that holds: it hears of the ending, nobody waits for it."""
        known = self._if_returned
        if known is None or ending["type"] != "returned" or ending["digest"] in known["unless"]:
            return False
        if self._slot.has(settled=True):
            return False
        frame = {"type": "ended", "id": self._slot.id, "attempt": self._attempt, "ending": ending, "quiet": True}
        try:
            self._home.tell_ending(self._connection, frame, kept)
        except ChannelLost:
            return False
        self._connection.drop_slot(self._slot)
        self._slot.outcome = {"outcome": {**known["outcome"], "elapsedMs": self._facts.elapsed_ms}}
        return True

    def _settle(self, ending: dict[str, Any], value: Any = None) -> Outcome:
        self._report_and_wait(ending, value)
        return self._conclude(ending, value, None)

    async def _settle_async(self, ending: dict[str, Any]) -> Outcome:
        await self._report_and_wait_async(ending, None)
        return self._conclude(ending, None, None)

    def _report_and_wait(self, ending: dict[str, Any], value: Any) -> None:
        """Until the engine has said the outcome, or to try again."""
        kept = self._kept(ending, value)
        if ending["type"] == "raised":
            # While the next attempt is waited for, a cancel is the engine's to carry out.
            self._cancellation.on_request(self._submission.withdraw)
        try:
            if self._settle_at_once(ending, kept):
                return
            with contextlib.suppress(ChannelLost):
                self._report(ending, kept=kept)
                self._connection.wait(self._slot, settled=False)
            if self._is_lost:
                with contextlib.suppress(ChannelLost, EngineError, RuntimeError):
                    self._move(self._home.connection())
                    self._report(ending, kept=kept, again=True)
                    self._connection.wait(self._slot, settled=False)
        except BaseException:
            self.cancel()
            raise

    async def _report_and_wait_async(self, ending: dict[str, Any], value: Any) -> None:
        kept = self._kept(ending, value)
        if ending["type"] == "raised":
            # While the next attempt is waited for, a cancel is the engine's to carry out.
            self._cancellation.on_request(self._submission.withdraw)
        try:
            if self._settle_at_once(ending, kept):
                return
            with contextlib.suppress(ChannelLost):
                self._report(ending, kept=kept)
                await self._connection.wait_async(self._slot, settled=False)
            if self._is_lost:
                with contextlib.suppress(ChannelLost, EngineError, RuntimeError):
                    self._move(await self._home.connection_async())
                    self._report(ending, kept=kept, again=True)
                    await self._connection.wait_async(self._slot, settled=False)
        except BaseException:
            self.cancel()
            raise

    @property
    def _is_to_try_again(self) -> bool:
        """Whether the engine has admitted another attempt; then it is the one that `run` is about to make."""
        admitted = self._slot.admitted
        if admitted is None or self._slot.outcome is not None:
            return False
        self._attempt, self.timeout_ms = admitted["attempt"], admitted["timeoutMs"]
        self._if_returned = admitted.get("ifReturned")
        return True

    @property
    def _is_lost(self) -> bool:
        return self._slot.outcome is None and self._slot.refused is None and self._slot.admitted is None

    def _move(self, connection: Connection) -> None:
        self._connection, self._slot = connection, connection.open_slot(self._slot.id)
        self._moved = True

    def _conclude(self, ending: dict[str, Any], value: Any, exception: BaseException | None) -> Outcome:
        self._home.forget_call(self._submission)
        if not self._moved:
            self._slot.check()
        answer = self._slot.outcome
        if answer is not None:
            return self._keep(outcome_from_header(answer["outcome"], value, exception))
        return self._keep(outcome_without_engine(ending, self._facts, self.timeout_ms, value, exception))

    def _keep(self, outcome: Outcome) -> Outcome:
        self.settled = outcome
        return outcome
