"""The template: imports the user's modules once, forks workers, watches them, cleans up after them.

It never runs a tool and starts no thread. Its channel to the engine is file descriptor 3; when that closes, it
takes every worker and everything that they started with it.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import socket
import sys
import time
import types
from contextlib import suppress
from typing import Any, NoReturn

from endstop.frames import PROTOCOL_VERSION, Frame, FrameDecoder, ProtocolError, encode
from endstop.worker import streams
from endstop.worker.importing import import_modules, prepare_for_forks
from endstop.worker.joining import CALL_VARIABLE
from endstop.worker.prctl import adopt_orphans, signal_on_parent_death
from endstop.worker.registry import Registry
from endstop.worker.starting import EXIT_DEFECT, HARMFUL_SIGNALS, Birth, fork_worker, spawn_worker
from endstop.worker.threads import unsafe_threads

CHANNEL_DESCRIPTOR = 3
_READ_BYTES = 64 * 1024
_FORK_RETRY_MS = 100
_FORK_PATIENCE_S = 1.0
_ORPHAN_GRACE_S = 3.0
_DYING_S = 0.5


def main() -> NoReturn:
    if not hasattr(os, "waitid"):
        sys.exit('placement "worker" needs os.fork and os.waitid: Linux, or macOS with Python 3.13')
    os.set_inheritable(CHANNEL_DESCRIPTOR, False)
    with suppress(PermissionError):  # the engine started it as the leader of a session already
        os.setsid()
    adopt_orphans()
    # An import can hang; this ends it too when the engine dies, and SIGCONT does so where something has stopped it. The
    # engine starts the template on its main thread.
    signal_on_parent_death(signal.SIGCONT)
    streams.set_up()
    os.environ.pop(CALL_VARIABLE, None)  # each worker gets its own
    # A pickle that names the host's program must fail here, and not find a name of this one.
    sys.modules["__main__"] = types.ModuleType("__main__")
    template = Template(socket.socket(fileno=CHANNEL_DESCRIPTOR))
    try:
        template.serve()
    except ConnectionError:
        template.end()  # the engine is gone
    except BaseException:
        sys.excepthook(*sys.exc_info())
        template.end(EXIT_DEFECT)


class Template:
    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._channel.setblocking(True)
        self._decoder = FrameDecoder()
        self._wakeup_reader, self._wakeup_writer = socket.socketpair()
        for wakeup in (self._wakeup_reader, self._wakeup_writer):
            wakeup.setblocking(False)
        self._registry = Registry()
        self._socket_path: str | None = None
        self._host = 0
        self._poll = select.poll()
        self._host_life = -1
        """Readable once the host is gone: an engine that is stopped would not notice, and stay with all workers."""
        self._engine_has_until: float | None = None
        """The host is gone: when the engine has not ended by itself."""
        self._is_ending = False
        self._engine_is_killed = False
        self._journals: str | None = None
        self._cgroups: str | None = None
        self._modules: list[str] = []
        self._unborn: list[tuple[Birth, float]] = []
        self._importing = False
        self._engine = os.getppid()
        os.register_at_fork(after_in_child=self._let_go)
        self._take_signals()

    def serve(self) -> NoReturn:
        """Raises OSError if the channel breaks, ProtocolError if it makes no sense."""
        poll = self._poll
        poll.register(self._channel, select.POLLIN)
        poll.register(self._wakeup_reader, select.POLLIN)
        while True:
            looks_again = self._unborn or self._engine_has_until is not None
            ready = {descriptor for descriptor, _ in poll.poll(_FORK_RETRY_MS if looks_again else None)}
            if self._host_life in ready:
                poll.unregister(self._host_life)
                self._engine_has_until = time.monotonic() + _ORPHAN_GRACE_S
            if self._engine_has_until is not None and time.monotonic() > self._engine_has_until:
                self._end_engine()
            self._start_unborn()
            if self._wakeup_reader.fileno() in ready:
                self._wakeup_reader.recv(_READ_BYTES)
                self._report_deaths()
                self._registry.retry_leftovers()
            if self._channel.fileno() in ready:
                data = self._channel.recv(_READ_BYTES)
                if not data:
                    self.end()
                for frame in self._decoder.feed(data):
                    self._carry_out(frame)

    def end(self, code: int = 0) -> NoReturn:
        """Kills and reaps all that it started, removes the files that nobody else is left to remove, and exits."""
        self._is_ending = True
        self._registry.kill_all()
        if self._cgroups is not None:
            _remove_cgroups(self._cgroups)
        if self._socket_path is not None:
            # What was killed a moment ago is still there, and listens, until the system has taken it down.
            killed = self._engine_is_killed or os.getppid() != self._engine
            give_up_at = time.monotonic() + (_DYING_S if killed and os.path.exists(self._socket_path) else 0)
            while not self._remove_abandoned(self._socket_path) and time.monotonic() < give_up_at:
                time.sleep(0.01)
        streams.flush()
        os._exit(code)

    def _carry_out(self, frame: Frame) -> None:
        header = frame.header
        kind = header["type"]
        if kind == "fork":
            self._fork(header["worker"], header["token"])
        elif kind == "reap":
            self._registry.reap(header["worker"])
        elif kind == "prepare":
            self._prepare(header["modules"])
        elif kind == "socket":
            self._socket_path = header["socket"]
        elif kind == "hello":
            self._greet(header)
        else:
            raise ProtocolError(f"a template does not know {kind!r}")

    def _greet(self, header: dict[str, Any]) -> None:
        if header["protocol"] != PROTOCOL_VERSION:
            raise ProtocolError(f"the engine speaks protocol {header['protocol']}, this is {PROTOCOL_VERSION}")
        if os.supports_bytes_environ:
            for name, value in header["environment"].items():
                os.environb[name.encode("latin-1")] = value.encode("latin-1")
        self._socket_path = header["socket"]
        self._host = header["host"]
        if hasattr(os, "pidfd_open"):
            with suppress(OSError):  # it is gone already, or the kernel is old
                self._host_life = os.pidfd_open(self._host)
                self._poll.register(self._host_life, select.POLLIN)
        self._journals = header["journals"]
        self._cgroups = header["cgroups"]
        self._send({"type": "ready"})

    def _prepare(self, modules: list[str]) -> None:
        self._importing = True
        try:
            failures = import_modules(modules)
            prepare_for_forks()
        finally:
            self._importing = False
            self._take_signals()  # CrewAI's telemetry, for one, sets its own as it is imported
        failed = {failure["module"] for failure in failures}
        self._modules += [name for name in modules if name not in failed and name not in self._modules]
        self._send({"type": "prepared", "modules": modules, "failures": failures})

    def _fork(self, worker: int, token: str) -> None:
        if self._socket_path is None:
            raise ProtocolError("`fork` came before `hello`")
        birth = Birth(worker, token, self._socket_path, os.getpid())
        self._unborn.append((birth, time.monotonic() + _FORK_PATIENCE_S))
        self._start_unborn()

    def _start_unborn(self) -> None:
        while self._unborn:
            birth, give_up_at = self._unborn[0]
            try:
                pid = spawn_worker(birth, self._modules) if unsafe_threads() else fork_worker(birth)
            except (OSError, MemoryError) as problem:
                if time.monotonic() < give_up_at:
                    return  # no process or memory to be had now: the loop tries again
                del self._unborn[0]
                self._send({"type": "unforked", "worker": birth.worker, "reason": str(problem) or "no memory"})
                continue
            del self._unborn[0]
            self._registry.add(birth.worker, pid)
            self._send({"type": "forked", "worker": birth.worker, "pid": pid})

    def _report_deaths(self) -> None:
        for death in self._registry.new_deaths():
            how = {"signal": death.exit.signal, "exitCode": death.exit.code}
            self._send({"type": "died", "worker": death.worker, "pid": death.pid, **how})

    def _send(self, header: dict[str, Any]) -> None:
        self._channel.sendall(encode(header))

    def _take_signals(self) -> None:
        signal.set_wakeup_fd(self._wakeup_writer.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: self._on_child_ended())
        signal.signal(signal.SIGTERM, lambda number, frame: self._asked_to_end())
        signal.signal(signal.SIGCONT, lambda number, frame: self._end_without_engine())
        # Ctrl-C in the terminal is for the host to handle; the others a body may have sent to its parent.
        for number in (signal.SIGINT, *HARMFUL_SIGNALS):
            signal.signal(number, signal.SIG_IGN)

    def _asked_to_end(self) -> None:
        # To ignore the signal from then on instead would have Python print an error for one that is on its way.
        if not self._is_ending:
            self.end()

    def _on_child_ended(self) -> None:
        # The loop reports deaths; while it is in an import, which can be long, the signal's handler does.
        if self._importing:
            self._report_deaths()

    def _end_without_engine(self) -> None:
        if os.getppid() != self._engine:
            self.end()

    def _end_engine(self) -> NoReturn:
        if os.getppid() == self._engine:
            self._engine_is_killed = True
            os.kill(self._engine, signal.SIGKILL)
        self.end()

    def _remove_abandoned(self, socket_path: str) -> bool:
        """A host that lives starts another engine, which reads there what the workers had begun."""
        if _is_alive(self._host) or _listens(socket_path):
            return False
        for directory in (os.path.dirname(socket_path), self._journals):
            if directory is not None:
                shutil.rmtree(directory, ignore_errors=True)
        return True

    def _let_go(self) -> None:
        """In every fork, and in the forks of a fork: the descriptors are the template's."""
        if self._channel.fileno() < 0:
            return
        signal.set_wakeup_fd(-1)
        for held in (self._channel, self._wakeup_reader, self._wakeup_writer):
            held.close()
        if self._host_life >= 0:
            os.close(self._host_life)


def _is_alive(pid: int) -> bool:
    """Nothing is imported for it: at the end there may be no memory, nor descriptors."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    with suppress(OSError), open(f"/proc/{pid}/stat", "rb") as file:
        return file.read().rpartition(b") ")[2][:1] not in (b"Z", b"X")
    return True


def _listens(socket_path: str) -> bool:
    """An engine that is about to end has removed the socket, and may have been killed before it removed the rest."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(socket_path)
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except BlockingIOError:
            pass  # it has many who dial
    return True


def _remove_cgroups(folder: str) -> None:
    """The engine's groups, as far as it has not done so: what ran in them is reaped by now."""
    with suppress(OSError):
        for name in os.listdir(folder):
            if os.path.isdir(group := os.path.join(folder, name)):
                os.rmdir(group)
        os.rmdir(folder)


if __name__ == "__main__":
    main()
