"""A worker: dials the engine and runs one call at a time on its main thread, until the socket closes."""

from __future__ import annotations

import fcntl
import mmap
import os
import signal
import socket
from collections.abc import Callable
from typing import Any, NoReturn

from endstop.errorinfo import describe_exception
from endstop.frames import MAX_BODY_BYTES, PROTOCOL_VERSION, Frame, FrameDecoder, ProtocolError, encode
from endstop.worker import streams
from endstop.worker.body import Ended, cannot_move, run_body
from endstop.worker.children import has_children
from endstop.worker.descriptors import LOWEST_DESCRIPTOR
from endstop.worker.joining import leave_call, let_bodies_join
from endstop.worker.limits import OwnLimits
from endstop.worker.loading import load_tool
from endstop.worker.moving import CannotMove, load_arguments
from endstop.worker.prctl import adopt_orphans, signal_on_parent_death
from endstop.worker.standing import standing
from endstop.worker.surroundings import Surroundings
from endstop.worker.usage import Meter, Usage

EXIT_NO_ENGINE = 70
EXIT_CHANGED = 71
"""A body has changed its process for good: a call that is on its way here has not begun, and goes to another worker."""
_READ_BYTES = 64 * 1024
_NO_LIMITS: dict[str, Any] = {}


def isolate(template_pid: int) -> None:
    """A session and group of its own, to be killed as one, and no life after the template."""
    os.setsid()
    adopt_orphans()
    signal_on_parent_death(signal.SIGKILL)
    if os.getppid() != template_pid:
        os._exit(EXIT_NO_ENGINE)  # it ended before the signal was set


def main(number: int, token: str, socket_path: str) -> NoReturn:
    """Never returns: a worker ends with os._exit, so that nothing of the modules it inherited runs at its end."""
    try:
        channel = _dial(socket_path)
        # A process that a tool forks must not hold the channel open, nor answer in the worker's place.
        os.register_at_fork(after_in_child=channel.close)
        hello = {"type": "hello", "protocol": PROTOCOL_VERSION, "worker": number, "pid": os.getpid(), "token": token}
        try:
            mark = StartedMark(socket_path, number)
        except OSError as problem:
            channel.sendall(encode({**hello, "failure": f"it cannot note what it begins: {problem}"}))
            raise
        channel.sendall(encode(hello))
        let_bodies_join(number, token, socket_path)
        Worker(channel, mark).serve()
    except OSError:  # the engine is gone, or a tool closed the channel
        _exit(EXIT_NO_ENGINE)
    _exit(0)


def _dial(socket_path: str) -> socket.socket:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dialed:
        dialed.connect(socket_path)
        return socket.socket(fileno=fcntl.fcntl(dialed, fcntl.F_DUPFD_CLOEXEC, LOWEST_DESCRIPTOR))


class StartedMark:
    """Says which call's body was started and what had been used by then, where the engine reads it when it has to.

    A mapped file, not a frame: it is written before each body and rarely read, and a frame would wake the engine
    in the middle of every call. What is written to the mapping is in the file, however the process ends.
    """

    def __init__(self, socket_path: str, number: int) -> None:
        path = os.path.join(os.path.dirname(socket_path), f"worker-{number}.started")
        opened = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            # Not cut to its length only: on a full disk, to write into the mapping would be the end (SIGBUS).
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(opened, 0, mmap.PAGESIZE)
            else:
                os.ftruncate(opened, mmap.PAGESIZE)
            self._mapped = mmap.mmap(opened, mmap.PAGESIZE)
            self._pid = os.getpid()
            self._write("", 0, 0, 0)
        finally:
            os.close(opened)

    def write(self, call_id: str, attempt: int, usage: Usage) -> None:
        self._write(call_id, attempt, usage.cpu_ms, usage.memory_bytes)

    def _write(self, call_id: str, attempt: int, cpu_ms: float, memory_bytes: int) -> None:
        # The process id is for an engine that is started after this one was lost: it makes sure that we are gone.
        line = f"{call_id} {attempt} {cpu_ms} {memory_bytes} {self._pid}\n".encode()
        self._mapped[: len(line)] = line


def _exit(code: int) -> NoReturn:
    streams.flush()
    os._exit(code)


class Worker:
    """Serves one channel: keeps the tools that were sent, runs the calls, answers each with exactly one `ended`."""

    def __init__(self, channel: socket.socket, mark: StartedMark, limit_bytes: int = MAX_BODY_BYTES) -> None:
        self._channel = channel
        self._mark = mark
        self._limit_bytes = limit_bytes
        self._limits = OwnLimits()
        self._meter = Meter()
        self._surroundings = Surroundings()
        self._standing = standing()
        self._usage = self._meter.read()
        self._memory_at_birth = self._usage.memory_bytes
        self._payloads: dict[str, bytes] = {}
        self._bodies: dict[str, Callable[..., Any]] = {}

    def serve(self) -> None:
        """Returns when the channel closes. Raises OSError if it breaks, ProtocolError if it makes no sense."""
        decoder = FrameDecoder()
        while data := self._channel.recv(_READ_BYTES):
            for frame in decoder.feed(data):
                if frame.header["type"] == "run":
                    self._run(frame)
                elif frame.header["type"] == "load":
                    self._payloads[frame.header["key"]] = frame.body
                else:
                    raise ProtocolError(f"a worker does not know {frame.header['type']!r}")

    def _run(self, frame: Frame) -> None:
        call = {name: frame.header[name] for name in ("callId", "attempt", "nonce")}
        ended = self._attempt(frame, call)
        # What the body printed is in the host's streams before its outcome is known.
        streams.flush()
        grown_bytes = self._usage.memory_bytes - self._memory_at_birth
        header = {"type": "ended", **call, "ending": ended.ending, "grownBytes": grown_bytes}
        if has_children():
            header["leftProcesses"] = True
        self._channel.sendall(encode(header, ended.pickled))
        del ended
        # The caller has its answer: this is the next call's time.
        leave_call()
        self._surroundings.restore()
        if standing() != self._standing:
            _exit(EXIT_CHANGED)
        self._usage = self._meter.read()

    def _attempt(self, frame: Frame, call: dict[str, Any]) -> Ended:
        if "toStdout" in frame.header:
            try:
                streams.print_to_stdout()
            except OSError:
                _exit(EXIT_CHANGED)
        try:
            body = self._body(frame.header["key"])
        except BaseException as problem:  # a module may raise anything, SystemExit too
            return Ended({"type": "load-failed", "error": describe_exception(problem)})
        try:
            args, kwargs, surroundings = load_arguments(frame.body)
            if surroundings:
                self._surroundings.enter(surroundings)
        except CannotMove as problem:
            return Ended(cannot_move(problem, started=False))
        limits = frame.header.get("limits", _NO_LIMITS)
        self._limits.set(limits, self._usage)
        self._mark.write(call["callId"], call["attempt"], self._usage)
        return run_body(body, args, kwargs, limits.get("outputBytes") or self._limit_bytes)

    def _body(self, key: str) -> Callable[..., Any]:
        body = self._bodies.get(key)
        if body is None:
            if key not in self._payloads:
                raise LookupError(f"no tool was sent with the key {key!r}")
            body = self._bodies[key] = load_tool(self._payloads[key])
        return body
