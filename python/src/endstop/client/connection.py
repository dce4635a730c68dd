"""One live channel to one engine process.

Leader and follower: of the callers that wait, one reads the pipe itself and hands the others their frames; when it
leaves, it promotes another. So a lone caller needs no hand-over between threads. Only for asyncio callers there is a
reader thread, which leads while they wait and nobody else does.

A KeyboardInterrupt can come between any two instructions of the main thread. The channel stays whole because nothing
is taken out of a pipe or a buffer before it is safe elsewhere: bytes go from the pipe into the buffer in one
instruction, a frame leaves the buffer after it was delivered (twice does no harm), and a write that one system call
might not finish is done by another thread.
"""

from __future__ import annotations

import _thread
import asyncio
import contextlib
import os
import select
import threading
from collections import deque
from typing import Any

from endstop.client.link import Link
from endstop.client.silence import SilenceWatch
from endstop.client.slot import Slot
from endstop.client.uninterrupted import uninterrupted
from endstop.client.writing import write
from endstop.frames import MAX_GUEST_HEADER_BYTES, MAX_HEADER_BYTES, FrameDecoder, ProtocolError

_READ_BYTES = 1 << 16
# Up to here a write to a pipe is all or nothing.
_ATOMIC_WRITE_BYTES = getattr(select, "PIPE_BUF", 512)
_REAP_WAIT_S = 2.0
_KINDS = frozenset({"ready", "refused", "admitted", "outcome", "described", "stats", "calls", "invited", "directory"})
HELLO_ID = 0
"""The slot that `ready` goes to; calls count from 1."""


class ChannelLost(Exception):
    """The connection to the engine ended. What was sent on it may or may not have been read."""


class Connection:
    """Sends frames, and lets any number of threads and asyncio tasks wait for the answers to their calls."""

    def __init__(self, process: Link) -> None:
        self.process = process
        self.lost: str | None = None
        """Why the channel ended, once it has. Set after every pending slot has been told."""
        self.proved = False
        """Whether the engine has answered a call."""
        self.was_silent = False
        """Whether it was ended because the engine said nothing."""
        self.loaded: set[str] = set()
        """Keys of the tools that were sent."""
        self.unbegun: dict[int, float] = {}
        """Calls whose bodies are to begin here, by number: when each was admitted."""
        self.refused: dict[str, str] = {}
        """By session, what the engine did not accept of it: none of its calls is sure of its limits."""
        self._decoder = FrameDecoder()
        self._lock = _thread.allocate_lock()
        self._write_lock = _thread.allocate_lock()
        self._ending_lock = _thread.allocate_lock()
        self._slots: dict[int, Slot] = {}
        self._followers: dict[Slot, None] = {}
        self._awaited: dict[Slot, asyncio.AbstractEventLoop] = {}
        self._leader: Slot | None = None
        self._reader: Slot | None = None
        self._pings = 0
        self._pongs = 0
        self._takes_up_until = 0
        """The pong that comes once the engine has taken up the sessions that it was told of."""
        self._moved = 0
        """Frames that came, and parts of large ones that the engine took."""
        self._silence = SilenceWatch(self)

    # -- sending

    def send(self, data: bytes) -> None:
        """Writes whole frames; they do not mix with those of other threads. Raises ChannelLost."""
        if len(data) > _ATOMIC_WRITE_BYTES:
            uninterrupted(lambda: self._write(data))
        else:
            self._write(data)

    def _write(self, data: bytes) -> None:
        try:
            with self._write_lock:
                if self.lost is not None:
                    raise ChannelLost(self.lost)
                written = self._write_some(data)
                while written < len(data):
                    written += self._write_some(memoryview(data)[written : written + (1 << 20)])
                    self._moved += 1
        except OSError as problem:
            self.end(f"the engine does not read any more: {problem.strerror}")
            raise ChannelLost(self.lost) from None

    def _write_some(self, data: bytes | memoryview) -> int:
        while True:
            try:
                return write(self.process.stdin, data)
            except BlockingIOError:  # gevent makes pipes so, and replaces `select` by one that lets others run
                select.select([], [self.process.stdin], [])

    # -- slots

    def open_slot(self, slot_id: int) -> Slot:
        """Must come before the frame that it waits for is sent. Raises ChannelLost."""
        slot = Slot(slot_id)
        with self._lock:
            if self.lost is not None:
                raise ChannelLost(self.lost)
            self._slots[slot_id] = slot
            self._silence.start()
        return slot

    @property
    def has_open_slots(self) -> bool:
        return bool(self._slots)

    @property
    def signs_of_life(self) -> tuple[int, int]:
        """Another one each time that the engine has said or taken something."""
        return self._moved, len(self._decoder.buffer)

    def note_ping(self, *, takes_up: bool = False) -> None:
        """One was sent; with `takes_up`, behind a session whose journals the engine reads first."""
        with self._lock:
            self._pings += 1
            if takes_up:
                self._takes_up_until = self._pings

    @property
    def takes_up_sessions(self) -> bool:
        """Whether the engine may be reading journals."""
        return self._pongs < self._takes_up_until

    @property
    def max_header_bytes(self) -> int:
        """What the other side takes of a frame's header."""
        return MAX_HEADER_BYTES if self.process.invitation is None else MAX_GUEST_HEADER_BYTES

    def slots_of_closed_loops(self) -> list[Slot]:
        """Their callers will not go on: nobody runs a closed loop."""
        with self._lock:
            return [slot for slot in self._slots.values() if slot.loop is not None and slot.loop.is_closed()]

    @property
    def is_waited_for(self) -> bool:
        """Whether somebody reads what the engine says, or writes what it is to read."""
        return self._leader is not None or self._write_lock.locked()

    def drop_slot(self, slot: Slot) -> None:
        """Frames for it are ignored from now on."""
        self._slots.pop(slot.id, None)

    def wait(self, slot: Slot, *, settled: bool) -> None:
        """Returns when the call is settled, or with `settled=False`: at least admitted."""
        if slot.settled or (slot.admitted is not None and not settled):
            return
        try:
            while True:
                with self._lock:
                    if slot.settled or (slot.admitted is not None and not settled):
                        return
                    if self._leader is None:
                        self._leader = slot
                    elif self._leader is not slot:
                        slot.wake.acquire(False)
                        self._followers[slot] = None
                if self._leader is slot:
                    self._read_for(slot, settled)
                else:
                    slot.wake.acquire()
        finally:
            self._leave(slot)

    async def wait_async(self, slot: Slot, *, settled: bool) -> None:
        """The same for a task of a running loop."""
        loop = slot.loop = asyncio.get_running_loop()
        try:
            while True:
                with self._lock:
                    if slot.settled or (slot.admitted is not None and not settled):
                        return
                    future = slot.future = loop.create_future()
                    self._awaited[slot] = loop
                    if self._leader is None:
                        self._promote_reader()
                await future
        finally:
            with self._lock:
                self._awaited.pop(slot, None)

    # -- reading

    def _leave(self, slot: Slot) -> None:
        with self._lock:
            self._followers.pop(slot, None)
            if self._leader is slot:
                self._leader = None
                if self._followers or self._awaited or self.lost is not None:
                    self._promote()

    def _promote(self) -> None:
        if self.lost is not None:
            self.process.close_stdout()
        elif self._followers:
            self._leader = next(iter(self._followers))
            self._wake(self._leader)
        elif self._awaited:
            self._promote_reader()

    def _promote_reader(self) -> None:
        if self._reader is None:
            self._reader = Slot(-1)
            self._reader.wake.acquire()
            threading.Thread(
                target=self._lead_for_tasks, args=(self._reader,), name="endstop-reader", daemon=True
            ).start()
        self._leader = self._reader
        self._wake(self._reader)

    def _lead_for_tasks(self, reader: Slot) -> None:
        while self.lost is None:
            reader.wake.acquire()
            if self._leader is reader:
                self._read_for(None, False)
                self._leave(reader)

    def _read_for(self, slot: Slot | None, settled: bool) -> None:
        """The leader's part: until its slot has what it waits for, or without one, until no task waits.

        Everything that is in the buffer is delivered before it sleeps.
        """
        decoder, buffer = self._decoder, self._decoder.buffer
        try:
            while self.lost is None:
                while buffer and (found := decoder.peek()) is not None:
                    header, body, size = found
                    self._deliver(header, body)
                    del buffer[:size]
                if slot is None:
                    if not self._awaited:
                        return
                elif slot.settled or (slot.admitted is not None and not settled):
                    return
                before = len(buffer)
                try:
                    # One instruction from the pipe into the buffer, for the interrupt.
                    deque(map(buffer.extend, map(os.read, (self.process.stdout,), (_READ_BYTES,))), maxlen=0)
                except BlockingIOError:
                    select.select([self.process.stdout], [], [])
                    continue
                except OSError:
                    pass
                if len(buffer) == before:
                    decoder.finish()
                    self.end("the engine ended")
        except ProtocolError as problem:
            self.process.kill()
            self.end(f"the engine broke the protocol: {problem}")

    def _deliver(self, header: dict[str, Any], body: bytes) -> None:
        kind = header["type"]
        self._moved += 1
        if kind == "pong":
            self._pongs += 1
            return
        if kind not in _KINDS:
            raise ProtocolError(f"it sent a frame of the unknown type {kind[:40]!r}")
        if kind == "directory":
            self.process.directory = header["path"]
            return
        if kind == "refused" and "id" not in header:
            reason = f"it refused `{header['about']}`: {header['message']}"
            if "engine" not in header:
                raise ProtocolError(reason)
            # What this session said before does not hold; the others' does.
            self.refused.setdefault(header["engine"], reason)
            return
        with self._lock:
            slot = self._slots.get(HELLO_ID if kind == "ready" else header["id"])
            if slot is None:
                return
            if kind == "admitted":
                slot.admitted = header
            elif kind == "refused":
                slot.refused = header["message"]
                slot.settled = True
                del self._slots[slot.id]
            else:
                slot.body = body
                slot.outcome = header
                slot.settled = True
                del self._slots[slot.id]
            self.proved = slot.id != HELLO_ID
            if slot is not self._leader:
                self._wake(slot)

    def _wake(self, slot: Slot) -> None:
        """Under the lock. Wakes whoever sleeps for this slot, once."""
        self._followers.pop(slot, None)
        loop = self._awaited.pop(slot, None)
        if loop is not None:
            # A loop that was closed while its task waited has nobody to wake.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(_resolve, slot.future)
        elif slot.wake.locked():
            slot.wake.release()

    # -- the end

    def end(self, reason: str, wait_s: float = _REAP_WAIT_S) -> None:
        """Ends the channel and the process, and settles every pending slot once. Interrupted, it can be done again."""
        with self._ending_lock:
            if self.lost is not None:
                return
            # A writer can be stuck on a pipe that nobody empties: only a kill moves it.
            if not self._write_lock.acquire(timeout=wait_s):
                self.process.kill()
                self._write_lock.acquire()
            try:
                self.process.close_stdin()
            finally:
                self._write_lock.release()
            full_reason = f"{reason} ({self.process.reap(wait_s)})"
            with self._lock:
                for slot in [*self._slots.values()]:
                    slot.lost = full_reason
                    slot.settled = True
                    self._wake(slot)
                self._slots.clear()
                self.lost = full_reason
                if self._reader is not None:
                    self._wake(self._reader)
                if self._leader is None:
                    self.process.close_stdout()

    def forget(self, reason: str) -> None:
        """In a forked child, where only the forking thread lives: the channel belongs to the parent."""
        self._lock = _thread.allocate_lock()
        self._write_lock = _thread.allocate_lock()
        self._ending_lock = _thread.allocate_lock()
        for slot in self._slots.values():
            slot.lost = reason
            slot.settled = True
        self._slots = {}
        self._followers = {}
        self._awaited = {}
        self._leader = None
        self.lost = reason
        self.process.forget()


def _resolve(future: asyncio.Future[None] | None) -> None:
    if future is not None and not future.done():
        future.set_result(None)
