"""The one engine of this process: started at the first call, started again if it dies, ended with the interpreter."""

from __future__ import annotations

import asyncio
import atexit
import itertools
import os
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from endstop import frames
from endstop._version import __version__
from endstop.client.connection import HELLO_ID, ChannelLost, Connection
from endstop.client.guest import GuestLink, shown_invitation
from endstop.client.interpreter import interpreter, search_path
from endstop.client.link import Link
from endstop.client.node_environment import withheld_environment
from endstop.client.process import EngineProcess, engine_command
from endstop.client.workplace import Workplace
from endstop.errors import EngineError

START_TIMEOUT_S = 15.0
MAX_FAILURES_IN_A_ROW = 3
_EXIT_WAIT_S = 2.0

_engines: weakref.WeakSet[SharedEngine] = weakref.WeakSet()
_guests: set[SharedEngine] = set()
"""In a worker: those that have asked for the engine of the call that it runs."""


class SharedEngine:
    """Gives its callers a live connection; any number of threads may ask at once."""

    def __init__(self, command: Callable[[], Sequence[str]] = engine_command) -> None:
        self._command = command
        self._connection: Connection | None = None
        self._starting = threading.Lock()
        self._starts = 0
        self._start_error: EngineError | None = None
        self._failures: list[str] = []
        self._declined: str | None = None
        self._ended = False
        self._ids = itertools.count(HELLO_ID + 1)
        self.workplace = Workplace()
        _engines.add(self)

    def next_id(self) -> int:
        """An id that no other call of this process has."""
        return next(self._ids)

    @property
    def live_connection(self) -> Connection | None:
        """The connection, if one can be had without starting an engine."""
        connection = self._connection
        if connection is None or connection.lost is not None:
            return None
        return connection if connection.process.invitation == self._invitation else None

    @property
    def _invitation(self) -> str | None:
        """To the engine of the call that this process belongs to, unless that has turned it away."""
        shown = shown_invitation()
        return None if shown == self._declined else shown

    def connection(self) -> Connection:
        """A live connection; starts the engine if there is none. Callers at once share one start and its error.

        Raises EngineError if the engine cannot be started, or died three times in a row without answering a call.
        """
        connection = self.live_connection
        if connection is not None:
            return connection
        starts_seen = self._starts
        with self._starting:
            connection = self.live_connection
            if connection is not None:
                return connection
            if self._starts != starts_seen and self._start_error is not None:
                raise self._start_error
            try:
                self._connection = connection = self._start()
            except EngineError as error:
                self._start_error = error
                raise
            finally:
                self._starts += 1
            self._start_error = None
            return connection

    @property
    def journal_directory(self) -> str | None:
        """Where the engines of this process write what they decided; None if there is no such place."""
        return self.workplace.directory()

    async def connection_async(self) -> Connection:
        """The same without blocking the loop while an engine starts."""
        live = self.live_connection
        return live if live is not None else await asyncio.to_thread(self.connection)

    def end(self, reason: str, wait_s: float = _EXIT_WAIT_S) -> None:
        """Ends the engine if it runs, and what it remembers; the next call starts another."""
        # Before the end, so that the engine finds nothing to wait for, and after it, for what it still wrote.
        if not os.environ.get("ENDSTOP_JOURNALS"):
            self.workplace.remove()
        connection = self._connection
        if connection is not None:
            connection.end(reason, wait_s)
            self._note_end_of_last()
        self.workplace.remove()

    def end_for_good(self) -> None:
        """At the end of the interpreter: daemon threads that still call must not start another."""
        self._ended = True
        self.end("the interpreter is ending")

    def leave_call(self) -> None:
        """The call that this process belonged to is over. The next one is joined by the same invitation."""
        self._declined = None
        connection = self._connection
        if connection is not None and connection.process.invitation is not None:
            connection.end("the call that this process belonged to is over")

    def forget(self) -> None:
        """In a forked child: the engine belongs to the parent."""
        self._starting = threading.Lock()
        self._failures = []
        self.workplace.forget()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.forget("this process was forked from the one that started the engine")

    def _start(self) -> Connection:
        if self._ended:
            raise EngineError("interpreter-ending", "The interpreter is ending: no engine is started any more.")
        self._note_end_of_last()
        invitation = self._invitation
        if invitation is not None:
            _guests.add(self)
            try:
                guest = GuestLink(invitation)
                return _greet(guest, guest.hello)
            except (OSError, ChannelLost):
                self._declined = invitation
        self.workplace.remove_others()
        command = self._command()
        while True:
            if len(self._failures) >= MAX_FAILURES_IN_A_ROW:
                tried, self._failures = self._failures, []
                lines = [f"The engine failed {len(tried)} times in a row:", *(f"  {reason}" for reason in tried)]
                raise EngineError("engine-start-failed", "\n".join(lines))
            try:
                process = EngineProcess(command)
                connection = _greet(process, _hello(process, self.workplace), search_path())
                self.workplace.lost.clear()
                return connection
            except ChannelLost as problem:
                self._failures.append(str(problem))

    def _note_end_of_last(self) -> None:
        last, self._connection = self._connection, None
        if last is None:
            return
        if last.process.directory is not None:
            self.workplace.lost.append(last.process.directory)
        if last.lost is None:
            last.end("this process belongs to another call now")
        if last.was_silent and last.process.invitation is not None:
            self._declined = last.process.invitation
        if last.proved or last.process.invitation is not None:
            self._failures.clear()
        else:
            self._failures.append(str(last.lost))


def leave_call() -> None:
    """In a worker, when a body has ended."""
    while _guests:
        _guests.pop().leave_call()


def _greet(process: Link, hello: dict[str, Any], body: bytes = b"") -> Connection:
    """Waits until the engine is ready. Raises ChannelLost if it ends first, EngineError otherwise."""
    connection = Connection(process)
    late = threading.Event()

    def give_up() -> None:
        late.set()
        connection.process.kill()

    timer = threading.Timer(START_TIMEOUT_S, give_up)
    timer.daemon = True
    try:
        slot = connection.open_slot(HELLO_ID)
        timer.start()
        connection.send(frames.encode(hello, body))
        connection.wait(slot, settled=True)
    except ChannelLost:
        if not late.is_set():
            raise
    except BaseException:
        connection.process.kill()
        connection.end("its start was given up")
        raise
    finally:
        timer.cancel()
    if late.is_set():
        raise EngineError(
            "engine-start-failed", f"The engine was not ready within {START_TIMEOUT_S:g} s: {connection.lost}"
        )
    if slot.lost is not None:
        raise ChannelLost(slot.lost)
    return connection


def _hello(process: EngineProcess, workplace: Workplace) -> dict[str, Any]:
    directory = workplace.directory()
    return {
        "type": "hello",
        "protocol": frames.PROTOCOL_VERSION,
        "version": __version__,
        "pid": os.getpid(),
        "python": {**interpreter(), "environment": withheld_environment()},
        "stdout": process.output_descriptor,
        **({} if directory is None else {"directory": directory}),
        "key": workplace.key,
        "lost": workplace.lost,
    }


_the_engine: SharedEngine | None = None
_making = threading.Lock()


def shared_engine() -> SharedEngine:
    """The engine that all sessions of this process share."""
    global _the_engine
    if _the_engine is None:
        with _making:
            if _the_engine is None:
                _the_engine = SharedEngine()
    return _the_engine


def _after_fork_in_child() -> None:
    global _making
    _making = threading.Lock()
    for engine in list(_engines):
        engine.forget()


def _at_exit() -> None:
    for engine in list(_engines):
        engine.end_for_good()


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
