"""A session: one set of options, tools and runs in the engine that all sessions of the process share."""

from __future__ import annotations

import itertools
import os
import threading
import weakref
from collections.abc import Mapping
from typing import Any

from endstop import frames
from endstop.client.connection import ChannelLost, Connection
from endstop.client.context import current_call
from endstop.client.dismissal import Dismissal, forget_dropped, when_collected
from endstop.client.engine import MAX_FAILURES_IN_A_ROW, SharedEngine, shared_engine
from endstop.client.introduction import Introduction
from endstop.client.inviting import stop_watching_for_children
from endstop.client.journal import StartedBodies, read_started_bodies
from endstop.client.local_outcomes import CallFacts
from endstop.client.silence import PING
from endstop.client.submission import CallRequest, Submission
from endstop.client.ticket import Ticket
from endstop.client.uninterrupted import uninterrupted
from endstop.client.worker_results import rebuild_async
from endstop.errors import EngineError
from endstop.host.bodies import body_threads
from endstop.host.waiting import stop_watching
from endstop.outcome import Outcome

__all__ = ["CallRequest", "Session", "Ticket", "current_call"]

_numbers = itertools.count(1)
_open_sessions: weakref.WeakSet[Session] = weakref.WeakSet()


def end_engine_if_unused() -> None:
    """Ends the engine of this process if no session is open. The next call starts another."""
    if not _open_sessions:
        shared_engine().end("nothing uses it any more")


class Session:
    """Cheap to make; starts nothing before its first call. Any number of threads and tasks may use it at once."""

    def __init__(self, options: Mapping[str, Any] | None = None, *, engine: SharedEngine | None = None) -> None:
        """`options` are those of an engine as they go over the wire."""
        # Nobody else's, also of processes of the past: guests share what has the same name.
        self.name = f"{os.getpid()}-{next(_numbers)}-{os.urandom(4).hex()}"
        self._engine = engine if engine is not None else shared_engine()
        self._introduction = Introduction(self.name, options or {})
        self._unconfirmed = self._introduction.unconfirmed
        self._calls: dict[int, Submission] = {}
        """Those that have no outcome here yet."""
        self._run_numbers = itertools.count(1)
        self._dismissal = Dismissal(self.name, self._engine.workplace)
        self._lock = threading.Lock()
        self._closed = False
        _open_sessions.add(self)
        self._engine.workplace.sessions.add(self.name)
        self._when_collected = weakref.finalize(self, when_collected, self._dismissal)
        self._when_collected.atexit = False

    # -- what the engine is told, and told again when it is started again

    def register(self, tool: str, policy: dict[str, Any]) -> None:
        """The same name again replaces the policy and keeps the counts."""
        self._tell(self._introduction.register(tool, policy))

    def open_run(self, *, joins: bool = False) -> str:
        """`joins`: in a process that belongs to a call, it is the run of that call, if that has one."""
        # A forked process has the same session, and counts on.
        run = f"{self.name}-run-{os.getpid()}-{next(self._run_numbers)}"
        self._tell(self._introduction.open_run(run, joins=joins))
        return run

    def end_run(self, run: str, reason: str) -> None:
        """Its further calls are rejected; those in flight go on."""
        self._tell({"type": "end-run", "engine": self.name, "run": run, "reason": reason})

    def describe(self, tool: str, agent: str | None) -> dict[str, dict[str, Any]] | None:
        """The limits in force as the engine names them; None if there is no such tool. Raises EngineError."""
        header = {"type": "describe", "engine": self.name, "tool": tool}
        if agent is not None:
            header["agent"] = agent
        return self._ask(header)["limits"]  # type: ignore[no-any-return]  # JSON

    def stats(self) -> dict[str, Any]:
        """As the engine names them. Raises EngineError."""
        return self._ask({"type": "stats", "engine": self.name})["stats"]  # type: ignore[no-any-return]  # JSON

    def _ask(self, header: dict[str, Any]) -> dict[str, Any]:
        """The answer to a question that may be asked again. Raises EngineError."""
        losses: list[str] = []
        while True:
            try:
                connection = self.connection()
                slot = connection.open_slot(self._engine.next_id())
                connection.send(frames.encode({**header, "id": slot.id}))
                connection.wait(slot, settled=True)
                slot.check()
                if slot.outcome is not None:
                    return slot.outcome
                raise ChannelLost(slot.lost)
            except ChannelLost as problem:
                losses.append(str(problem))
                if len(losses) == MAX_FAILURES_IN_A_ROW:
                    raise EngineError(
                        "engine-lost", "\n  ".join(["The engine was lost again and again:", *losses])
                    ) from None

    def close_run(self, run: str) -> None:
        """Its history and counts are forgotten, and its body threads end."""
        self._tell(self._introduction.close_run(run))
        body_threads.release((self.name, run))

    def close(self) -> None:
        """Cancels the calls in flight. May be called twice."""
        if self._closed:
            return
        self._closed = True
        self.cancel_all()
        self._when_collected.detach()
        uninterrupted(self._end_in_engine)
        _open_sessions.discard(self)
        if not _open_sessions:
            stop_watching()
            stop_watching_for_children()

    def _end_in_engine(self) -> None:
        with self._lock:
            self._dismissal.carry_out()

    def cancel(self, name: str) -> None:
        """Ends the calls in flight of a run, which takes no more, or one call, each with what its body called."""
        if self._introduction.has_run(name):
            self.end_run(name, "it was cancelled")
            # The latest first: they wait, and the end of one that runs would have the next one's body begin.
            for call in reversed(list(self._calls.values())):
                if call.run == name:
                    call.cancellation.request()
            return
        for call in list(self._calls.values()):
            if call.call_id == name:
                call.cancellation.request()
                self.cancel_below(name)
                return
        # In a worker: only the engine knows it by its name.
        self._tell({"type": "cancel-call", "engine": self.name, "call": name})

    def cancel_below(self, call_id: str) -> None:
        """Ends what the body of a call has called, at every depth."""
        for call in list(self._calls.values()):
            if call.parent == call_id:
                call.cancellation.request()
                if call.call_id is not None:
                    self.cancel_below(call.call_id)

    def cancel_all(self) -> None:
        for call in reversed(list(self._calls.values())):
            call.cancellation.request()

    def calls_in_flight(self) -> list[dict[str, Any]]:
        """As the engine names them. Raises EngineError."""
        return self._ask({"type": "calls", "engine": self.name})["calls"]  # type: ignore[no-any-return]  # JSON

    # -- calls

    def submit(self, request: CallRequest) -> Ticket | Outcome:
        """Waits until the call is admitted or settled. Raises EngineError if the engine cannot be used."""
        call = self._new_call(request)
        try:
            while True:
                try:
                    connection = self.connection()
                    told = self._unconfirmed.told()
                    call.send(connection)
                    connection.wait(call.slot, settled=False)
                    if request.load is not None and call.in_worker:
                        connection.wait(call.slot, settled=True)
                    answer = call.answer(self)
                    if connection.refused:
                        self._accepted(connection)
                    if told:
                        self._unconfirmed.confirm(told)
                except ChannelLost as problem:
                    call.note_loss(problem)
                    continue
                if isinstance(answer, Outcome):
                    self.forget_call(call)
                elif call.problem is not None:
                    return answer.refuse(call.problem)
                return answer
        except BaseException:
            self.forget_call(call)
            call.cancel()
            raise

    async def submit_async(self, request: CallRequest) -> Ticket | Outcome:
        """The same, without blocking the loop. Cancelling it cancels the call."""
        call = self._new_call(request)
        try:
            while True:
                try:
                    connection = await self.connection_async()
                    told = self._unconfirmed.told()
                    call.send(connection)
                    await connection.wait_async(call.slot, settled=False)
                    if call.in_worker:
                        await connection.wait_async(call.slot, settled=True)
                    if call.slot.outcome is not None:
                        await rebuild_async(call.slot)
                    answer = call.answer(self)
                    self._accepted(connection)
                    self._unconfirmed.confirm(told)
                except ChannelLost as problem:
                    call.note_loss(problem)
                    continue
                if isinstance(answer, Outcome):
                    self.forget_call(call)
                elif call.problem is not None:
                    return await answer.refuse_async(call.problem)
                return answer
        except BaseException:
            self.forget_call(call)
            call.cancel()
            raise

    def connection(self) -> Connection:
        """A live connection that knows this session. Raises ChannelLost, or EngineError if there is no engine."""
        connection = self._engine.live_connection
        if connection is None:
            connection = self._engine.connection()
        if connection is not self._attached:
            self._attach(connection)
        return self._accepted(connection)

    async def connection_async(self) -> Connection:
        connection = await self._engine.connection_async()
        self._attach(connection)
        return self._accepted(connection)

    def _accepted(self, connection: Connection) -> Connection:
        if connection.refused and self.name in connection.refused:
            raise EngineError("engine-refused", f"The engine refused this executor: {connection.refused[self.name]}")
        return connection

    def forget_call(self, call: Submission) -> None:
        """It has its outcome, or nobody waits for one."""
        if call.call_id is not None and call.id > self._introduction.last_admitted:
            self._introduction.last_admitted = call.id
        if not self._introduction.is_answered_in(call.run):
            self._introduction.note_answer(call)
        self._calls.pop(call.id, None)

    def tell_ending(self, connection: Connection, frame: dict[str, Any], kept: bytes, facts: CallFacts) -> None:
        """Of a call whose outcome is known here. If the engine is lost before it heard it, the next one does.

        Raises ChannelLost.
        """
        self._unconfirmed.add(frame, kept, facts)
        try:
            connection.send(frames.encode(frame, kept))
        except ChannelLost:
            self._unconfirmed.confirm((frame["id"],))
            raise

    def keyed(self, digest: str) -> str:
        """A digest of a result as the engine tells it."""
        return self._engine.workplace.keyed(digest)

    def started_bodies(self) -> StartedBodies | None:
        """What the journal says that an engine of this session left behind; None if it cannot be read."""
        if not self._introduction.answered:
            return StartedBodies()
        directory = self._engine.journal_directory
        return None if directory is None else read_started_bodies(directory, self.name)

    def _new_call(self, request: CallRequest) -> Submission:
        call = Submission(self.name, request, self._engine.next_id(), self._introduction.limits_of(request.tool))
        self._calls[call.id] = call
        return call

    def _attach(self, connection: Connection) -> None:
        """Makes this session known on a connection. Raises ChannelLost."""
        if self._attached is connection:
            return
        if self._closed:
            raise RuntimeError("this session is closed")

        def tell_everything() -> None:
            with self._lock:
                if self._attached is not connection:
                    if connection.process.invitation is not None or self._was_guest:
                        self._begin_anew()
                    is_resumed = self._introduction.is_resumed
                    introduction = self._introduction.frames(self._calls.values())
                    connection.send(b"".join([*introduction, PING] if is_resumed else introduction))
                    if is_resumed:
                        connection.note_ping(takes_up=True)
                    self._dismissal.attached = connection

        uninterrupted(tell_everything)

    def _tell(self, header: dict[str, Any]) -> None:
        """Now if the engine knows this session; else the introduction will say it.

        Which of the two is decided under the lock: an introduction that is being sent may lack what is new. To hear of
        it twice does no harm.
        """

        def tell() -> None:
            with self._lock:
                connection = self._attached
                if connection is None or connection.lost is not None:
                    return
                try:
                    connection.send(frames.encode(header))
                except ChannelLost:
                    return  # the next connection hears it in the introduction

        uninterrupted(tell)

    @property
    def _attached(self) -> Connection | None:
        """The connection that knows this session."""
        return self._dismissal.attached

    @property
    def _was_guest(self) -> bool:
        return self._attached is not None and self._attached.process.invitation is not None

    def forget_connection(self) -> None:
        """In a forked child: the engine that knows this session belongs to the parent."""
        self._lock = threading.Lock()
        self._dismissal.attached = None
        self._calls = {}
        self._begin_anew()

    def _begin_anew(self) -> None:
        """The engine that is met next has no journal of what the last one knew of this session."""
        self._calls = {number: call for number, call in self._calls.items() if not call.may_have_begun}
        self._introduction.begin_anew()


def _after_fork_in_child() -> None:
    forget_dropped()
    for session in list(_open_sessions):
        session.forget_connection()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
