"""The engine's side of the protocol with template and workers, as a test drives it."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import socket
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from endstop.frames import PROTOCOL_VERSION, Frame, FrameDecoder, encode

SUPPORT = str(Path(__file__).parent)
# Machines that run the tests can be slow; what is expected comes at once on an idle one.
PATIENCE_S = 20.0
_BOOT = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from endstop.worker.template import main; main()"

NO_PROCESS = 2**22 + 1
"""Past the highest process id that Linux gives."""


class Peer:
    """One channel, read with patience."""

    def __init__(self, channel: socket.socket) -> None:
        self.channel = channel
        self.channel.settimeout(PATIENCE_S)
        self._decoder = FrameDecoder()
        self._frames: list[Frame] = []

    def send(self, header: dict[str, Any], body: bytes = b"") -> None:
        self.channel.sendall(encode(header, body))

    def receive(self, kind: str | None = None) -> Frame:
        """The next frame, or the next of that kind: others are kept. Raises EOFError at the end of the channel."""
        while True:
            for index, frame in enumerate(self._frames):
                if kind is None or frame.header["type"] == kind:
                    return self._frames.pop(index)
            data = self.channel.recv(1 << 20)
            if not data:
                raise EOFError
            self._frames += self._decoder.feed(data)

    def ended(self) -> bool:
        with suppress(EOFError, ConnectionError):
            raise AssertionError(f"a frame instead of the end of the channel: {self.receive()}")
        return True


class FakeWorker(Peer):
    def __init__(self, channel: socket.socket, number: int, pid: int, directory: str) -> None:
        super().__init__(channel)
        self._mark = Path(directory, f"worker-{number}.started")
        self.number = number
        self.pid = pid
        self._attempt = 0
        self.also_told: dict[str, Any] = {}
        """With each call."""

    def load(self, key: str, payload: bytes) -> None:
        self.send({"type": "load", "key": key}, payload)

    def load_name(self, name: str, module: str = "worker_tools") -> None:
        self.load(name, pickle.dumps(("reference", module, name)))

    def start(self, key: str, *args: Any, **kwargs: Any) -> str:
        self._attempt += 1
        self.send(
            {"type": "run", "nonce": "n", "callId": f"c{self._attempt}", "attempt": 1, "key": key, **self.also_told},
            pickle.dumps((args, kwargs)),
        )
        return f"c{self._attempt}"

    def finish(self) -> tuple[dict[str, Any], bytes, bool]:
        """The ending, its pickle, and whether the worker noted that the body began."""
        header, body = self.receive()
        assert (header["type"], header["callId"], header["attempt"]) == ("ended", f"c{self._attempt}", 1)
        return header["ending"], body, self.has_begun()

    def has_begun(self) -> bool:
        return self._mark.read_text().partition(" ")[0] == f"c{self._attempt}"

    def wait_until_begun(self) -> None:
        assert eventually(self.has_begun), "the body never began"

    def call(self, name: str, *args: Any, **kwargs: Any) -> tuple[dict[str, Any], bytes, bool]:
        self.load_name(name)
        self.start(name, *args, **kwargs)
        return self.finish()

    def value(self, name: str, *args: Any, **kwargs: Any) -> Any:
        ending, body, started = self.call(name, *args, **kwargs)
        assert (ending["type"], started) == ("returned", True), ending
        return pickle.loads(body)


class FakeEngine(Peer):
    """Owns a template: its channel, the socket that workers dial, and the files that its streams go to."""

    def __init__(self, folder: Path, more_path: tuple[str, ...] = ()) -> None:
        # The path of a Unix socket is short, and a test's own folder is not.
        self.directory = tempfile.mkdtemp(prefix="endstop-")
        self.socket_path = os.path.join(self.directory, "engine.sock")
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.settimeout(PATIENCE_S)
        self.listener.bind(self.socket_path)
        self.listener.listen(64)
        self.stdout, self.stderr = folder / "stdout", folder / "stderr"
        self.mark = f"ENDSTOP_TEST_MARK={uuid.uuid4().hex}"
        self.path = [*more_path, SUPPORT, *(entry for entry in sys.path if entry)]
        ours, theirs = socket.socketpair()
        super().__init__(ours)
        with theirs:
            self.pid = self._spawn_template(theirs.fileno())
        hello = {
            "protocol": PROTOCOL_VERSION,
            "environment": {},
            "socket": self.socket_path,
            "host": NO_PROCESS,
            "journals": None,
            "cgroups": None,
        }
        self.send({"type": "hello", **hello})
        self.receive("ready")
        self.workers: list[FakeWorker] = []
        self._numbers = 0

    def _spawn_template(self, channel: int) -> int:
        name, value = self.mark.split("=")
        created = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        return os.posix_spawn(
            sys.executable,
            [sys.executable, "-c", _BOOT, json.dumps(self.path)],
            {**os.environ, name: value},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, channel, 3),
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(self.stdout), created, 0o600),
                (os.POSIX_SPAWN_OPEN, 2, str(self.stderr), created, 0o600),
            ],
        )

    def prepare(self, *modules: str) -> list[dict[str, Any]]:
        self.send({"type": "prepare", "modules": list(modules)})
        header = self.receive("prepared").header
        assert header["modules"] == list(modules)
        return list(header["failures"])

    def fork(self) -> FakeWorker:
        self._numbers += 1
        token = f"token-{self._numbers}"
        self.send({"type": "fork", "worker": self._numbers, "token": token})
        channel, _ = self.listener.accept()
        peer = Peer(channel)
        hello = peer.receive("hello").header
        forked = self.receive("forked").header
        assert hello == {"type": "hello", "protocol": PROTOCOL_VERSION, "worker": self._numbers,
                         "pid": forked["pid"], "token": token}  # fmt: skip
        worker = FakeWorker(channel, self._numbers, forked["pid"], self.directory)
        self.workers.append(worker)
        return worker

    def reap(self, worker: FakeWorker) -> None:
        self.send({"type": "reap", "worker": worker.number})

    def died(self, worker: FakeWorker) -> dict[str, Any]:
        header = self.receive("died").header
        assert (header["worker"], header["pid"]) == (worker.number, worker.pid)
        return {"signal": header["signal"], "exitCode": header["exitCode"]}

    def hang_up(self) -> None:
        """As if the engine had been killed: every descriptor of it is closed, its directory stays."""
        self.listener.close()
        self.channel.close()
        for worker in self.workers:
            worker.channel.close()

    def template_exit_code(self) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def living(self) -> list[int]:
        """Every process that the template or anything under it started, wherever it has gone. Zombies do not count."""
        found = []
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                with suppress(OSError), open(f"/proc/{entry}/environ", "rb") as file:
                    if self.mark.encode() in file.read():
                        found.append(int(entry))
        return found

    def clean_up(self) -> None:
        """Ends the template and fails if a process is left."""
        self.hang_up()
        with suppress(ChildProcessError):  # the test has waited for it
            os.waitpid(self.pid, 0)
        assert eventually(lambda: not self.living()), f"still running: {self.living()}"
        # A template that was killed, or ended while the engine lived, could not or must not remove it.
        shutil.rmtree(self.directory, ignore_errors=True)


def eventually(condition: Callable[[], bool], patience_s: float = PATIENCE_S) -> bool:
    """Whether it becomes true within our patience."""
    give_up_at = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > give_up_at:
            return False
        time.sleep(0.01)
    return True


def state_of(pid: int) -> str | None:
    """The letter that the kernel gives: R, S, Z for a zombie; None if there is no such process."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return None
