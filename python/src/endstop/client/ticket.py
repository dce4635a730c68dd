"""An admitted call whose body has not been started."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable, Mapping
from contextvars import Context, copy_context
from typing import Any

from endstop.client.connection import ChannelLost, Connection
from endstop.client.context import enter_call
from endstop.client.endings import describe, ending_of, is_ctrl_c, not_sent, run_described
from endstop.client.inviting import watch_for_children
from endstop.client.local_outcomes import CallFacts
from endstop.client.movable import Movable
from endstop.client.reporting import Home, Reporting
from endstop.client.silence import LATE_S
from endstop.client.slot import Slot
from endstop.client.worker_results import rebuild_async
from endstop.client.worker_start import outcome_from_worker, start_frames
from endstop.errorinfo import bounded_detail
from endstop.host.asyncbodies import run_async
from endstop.host.bodies import BodyEnd, body_threads, run_here, run_until
from endstop.host.cancelling import Cancellation
from endstop.host.threads import Key
from endstop.outcome import Outcome, Placement

Moving = Callable[[], tuple[Movable, tuple[Any, ...], dict[str, Any]]]
"""Gives the tool and its arguments, as they are to be sent."""
_OVER = {"type": "cancelled", "detail": "the engine had ended it before its body began", "body": "not-started"}
_Made = tuple[Movable, bytes, dict[str, Any] | None]


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
        self.waited_ms: float = admitted.get("waitedMs", 0.0)
        """For its turn."""
        self._grace_ms: float = admitted["cancelGraceMs"]
        self.settled: Outcome | None = None
        facts.call_id, facts.placement = self.call_id, self.placement
        self._facts = facts
        self._key = (*owner, facts.tool)
        self._home = home
        self._submission = submission
        self._cancellation: Cancellation = submission.cancellation
        self._reporting = Reporting(connection, slot, admitted, self._facts, home=home, submission=submission)
        self._used = False
        self._is_late = False
        """Something between admission and body took long: the engine may have ended the call."""

    @property
    def timeout_ms(self) -> float | None:
        """Of the attempt that is about to be made, or is made."""
        return self._reporting.timeout_ms

    # -- on the host

    def run(self, body: Callable[[], Any]) -> Outcome:
        """Runs the body here, in a copy of the caller's context: with a deadline on a body thread, else in this thread.

        If the engine allows another attempt, it is run again. A Ctrl-C in this thread goes on, after it was reported.
        """
        self._use()
        if self._is_late and self._reporting.is_over():
            return self._keep(self._reporting.conclude(_OVER, None, None))
        while True:
            end = self._run_once(body)
            if self.timeout_ms is None and is_ctrl_c(end):
                self._reporting.report_and_leave(ending_of(end)[0])
                raise KeyboardInterrupt
            ending, value, exception = ending_of(end)
            self._reporting.report_and_wait(ending, value)
            if not self._reporting.is_to_try_again:
                return self._keep(self._reporting.conclude(ending, value, exception))

    def _run_once(self, body: Callable[[], Any]) -> BodyEnd:
        context = self._context()
        timeout_ms = self._reporting.timeout_ms
        described = functools.partial(run_described, body)
        try:
            if timeout_ms is None:
                return run_here(described, context, self._cancellation)
            key, call_id, grace_ms = self._key, self.call_id, self._grace_ms
            return run_until(described, context, timeout_ms, key, call_id, self._cancellation, grace_ms)
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
        self._reporting.slot.loop = asyncio.get_running_loop()
        if self._is_late and await self._reporting.is_over_async():
            return self._keep(self._reporting.conclude(_OVER, None, None))
        while True:
            ending, value, exception = ending_of(await self._run_once_async(body))
            await self._reporting.report_and_wait_async(ending, value)
            if not self._reporting.is_to_try_again:
                return self._keep(self._reporting.conclude(ending, value, exception))

    async def _run_once_async(self, body: Callable[[], Any]) -> BodyEnd:
        context = self._context()
        try:
            key, call_id, grace_ms = self._key, self.call_id, self._grace_ms
            return await run_async(
                body, context, self.timeout_ms, key, call_id, self._cancellation, grace_ms, then=run_described
            )
        except RuntimeError as problem:
            return BodyEnd(no_thread=str(problem))
        except BaseException:
            self.cancel()
            raise

    # -- in a worker

    def run_in_worker(self, make: Moving) -> Outcome:
        """Runs in a worker what `make` gives. It and the pickling run as a body does, in the time that the call has.

        Their thread ends with them: no body of a tool in a worker will need it. What cannot be sent, or is not ready in
        time, settles the call as `cannot-move` or `too-large`.
        """
        self._use()
        made: list[_Made] = []
        end = self._run_once(self._making(make, made))
        body_threads.release(self._key)
        if self.timeout_ms is None and is_ctrl_c(end):
            self.cancel()
            raise KeyboardInterrupt
        if made and end.expired_ms is None and end.cancelled is None:
            return self._run_sent(*made[0])
        return self._settle(not_sent(end))

    async def run_in_worker_async(self, make: Moving) -> Outcome:
        self._use()
        made: list[_Made] = []
        end = await self._run_once_async(self._making(make, made))
        body_threads.release(self._key)
        if made and end.expired_ms is None and end.cancelled is None:
            return await self._run_sent_async(*made[0])
        return await self._settle_async(not_sent(end))

    def _making(self, make: Moving, made: list[_Made]) -> Callable[[], None]:
        began_s = time.monotonic()
        header = {"type": "start", "id": self._reporting.slot.id}

        def making() -> None:
            load, args, kwargs = make()
            made.append((load, *start_frames(self._reporting.connection, header, load, args, kwargs, began_s)))

        return making

    def _run_sent(self, load: Movable, data: bytes, problem: dict[str, Any] | None) -> Outcome:
        if problem is not None:
            return self._settle(problem)
        connection, slot = self._reporting.connection, self._reporting.slot
        try:
            connection.send(data)
            self._cancellation.on_request(self._submission.withdraw)
            connection.loaded.add(load.key)
            connection.wait(slot, settled=True)
        except ChannelLost:
            pass
        except BaseException:
            self.cancel()
            raise
        self._home.forget_call(self._submission)
        return self._keep(outcome_from_worker(slot, self._facts))

    async def _run_sent_async(self, load: Movable, data: bytes, problem: dict[str, Any] | None) -> Outcome:
        if problem is not None:
            return await self._settle_async(problem)
        connection, slot = self._reporting.connection, self._reporting.slot
        try:
            connection.send(data)
            self._cancellation.on_request(self._submission.withdraw)
            connection.loaded.add(load.key)
            await connection.wait_async(slot, settled=True)
            if slot.outcome is not None:
                await rebuild_async(slot)
        except ChannelLost:
            pass
        except BaseException:
            self.cancel()
            raise
        self._home.forget_call(self._submission)
        return self._keep(outcome_from_worker(slot, self._facts))

    # -- without a body

    def answered(self, value: Any) -> Outcome:
        """The framework's own cache had the value: no body ran."""
        self._use()
        described = describe(value)
        return self._settle({"type": "answered", "digest": described.digest, "preview": described.preview}, value)

    def invalid(self, detail: str) -> Outcome:
        """The input did not fit: no body ran."""
        self._use()
        return self._settle({"type": "invalid", "detail": bounded_detail(detail)})

    def give_back(self, detail: str) -> Outcome:
        """No body ran: a hook blocked the call, or its caller was aborted."""
        self._use()
        return self._settle({"type": "not-run", "detail": bounded_detail(detail)})

    def refuse(self, ending: dict[str, Any]) -> Outcome:
        """No body ran, for the reason that the ending has."""
        self._use()
        return self._settle(ending)

    async def refuse_async(self, ending: dict[str, Any]) -> Outcome:
        self._use()
        return await self._settle_async(ending)

    def cancel(self) -> None:
        """Tells the engine that nobody waits any more. What the body calls ends, too."""
        self._reporting.cancel()

    # -- inside

    def _use(self) -> None:
        if self._used:
            raise RuntimeError(f"the call {self.call_id} of {self.tool} was already started or given back")
        self._used = True
        # Taken out before the look at the clock: what the engine hears of as waiting, it is asked about.
        admitted_s = self._reporting.connection.unbegun.pop(self._reporting.slot.id, None)
        self._is_late = admitted_s is not None and time.monotonic() - admitted_s > LATE_S

    def _context(self) -> Context:
        context = copy_context()
        enter_call(context, self.call_id, self._reporting.connection)
        watch_for_children()
        return context

    def _settle(self, ending: dict[str, Any], value: Any = None) -> Outcome:
        self._reporting.report_and_wait(ending, value)
        return self._keep(self._reporting.conclude(ending, value, None))

    async def _settle_async(self, ending: dict[str, Any]) -> Outcome:
        await self._reporting.report_and_wait_async(ending, None)
        return self._keep(self._reporting.conclude(ending, None, None))

    def _keep(self, outcome: Outcome) -> Outcome:
        self.settled = outcome
        return outcome
