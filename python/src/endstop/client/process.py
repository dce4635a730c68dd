"""The engine as a child process: two pipes, its start, its end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, cast

from endstop.client.node import find_node
from endstop.client.node_environment import engine_environment
from endstop.client.surroundings import Inherited
from endstop.errors import EngineError

_LOWEST = 3
_MIN_DESCRIPTORS = 24
"""With fewer Node aborts before it runs a line of ours."""
_FEW_DESCRIPTORS = 64
_ENGINE_FILE = Path(__file__).resolve().parent.parent / "_engine" / "endstop.mjs"


def engine_command() -> list[str]:
    """Raises EngineError if Node or the built engine is missing, or cannot start here."""
    if (shortage := _too_few_descriptors(_MIN_DESCRIPTORS)) is not None:
        raise EngineError("engine-start-failed", f"The engine cannot be started: {shortage}")
    if not _ENGINE_FILE.is_file():
        advice = "In a checkout, `python3 dev build` builds it."
        raise EngineError("engine-not-built", f"The engine is not built: {_ENGINE_FILE} does not exist. {advice}")
    # A signal that anybody of this user may send must not open a debugger's port.
    return [find_node(), "--disable-sigusr1", str(_ENGINE_FILE)]


class EngineProcess:
    """One engine child. `stdin` and `stdout` are the numbers of our ends of its pipes."""

    invitation: str | None = None

    def __init__(self, command: Sequence[str]) -> None:
        self.inherited = Inherited()
        output = _duplicate_of_stdout()
        self.output_descriptor = output
        """The number, in the child, of the descriptor for what workers print; None if the host has none."""
        reading, writing = os.pipe()
        try:
            self._popen: subprocess.Popen[bytes] = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=writing,
                bufsize=0,
                close_fds=True,
                env=engine_environment(),
                **_platform_options(output),
            )
            _continue_at_our_end(self._popen.pid, writing)
        except OSError as problem:
            os.close(reading)
            raise EngineError("engine-start-failed", f"{command[0]} cannot be started: {problem}") from problem
        finally:
            os.close(writing)
            if output is not None:
                os.close(output)
        # With bufsize=0 these are raw files: closing one takes no lock that a fork could have copied locked.
        self._stdin = _above_standard(cast(IO[bytes], self._popen.stdin), "wb")
        self._stdout = _above_standard(os.fdopen(reading, "rb", buffering=0), "rb")
        self.stdin = self._stdin.fileno()
        self.stdout = self._stdout.fileno()
        self.directory: str | None = None
        """Where its workers dial and note what they begin; it removes it, unless it is killed."""

    @property
    def pid(self) -> int:
        return self._popen.pid

    def close_stdin(self) -> None:
        """Asks the engine to end. Nobody may be writing."""
        with contextlib.suppress(OSError):
            self._stdin.close()

    def close_stdout(self) -> None:
        """Nobody may be reading: the number would belong to another file while it is read."""
        with contextlib.suppress(OSError):
            self._stdout.close()

    def kill(self) -> None:
        with contextlib.suppress(OSError):
            self._popen.kill()

    def reap(self, wait_s: float) -> str:
        """Waits for the end, then kills. Returns how it ended."""
        try:
            self._popen.wait(wait_s)
        except subprocess.TimeoutExpired:
            self.kill()
            self._popen.wait()
        status = self._popen.returncode
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        shortage = _too_few_descriptors(_FEW_DESCRIPTORS) if status not in (0, -signal.SIGKILL) else None
        return how if shortage is None else f"{how}; maybe since {shortage}"

    def forget(self) -> None:
        """In a forked child: closes the inherited pipes. The process belongs to the parent."""
        for pipe in (self._stdin, self._stdout):
            with contextlib.suppress(OSError):
                pipe.close()
        # It is not our child: without a return code, Popen would warn about it and wait for it.
        self._popen.returncode = 0


def _continue_at_our_end(engine: int, writing: int) -> None:
    """An engine that something has stopped would not notice that this process is gone: the system sends SIGCONT when
    nobody holds our end of its output any more. The parent's death signal would come with the end of a thread.
    """
    if sys.platform != "linux":
        return
    import fcntl

    with contextlib.suppress(OSError):  # a system that only looks like Linux
        fcntl.fcntl(writing, fcntl.F_SETOWN, engine)
        fcntl.fcntl(writing, fcntl.F_SETSIG, signal.SIGCONT)
        fcntl.fcntl(writing, fcntl.F_SETFL, fcntl.fcntl(writing, fcntl.F_GETFL) | os.O_ASYNC)


def _too_few_descriptors(wanted: int) -> str | None:
    """What this process, and so the engine, may open, if that is less."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return None
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit == resource.RLIM_INFINITY or limit >= wanted:
        return None
    return f"this process may have {limit} descriptors (ulimit -n), and Node needs {_MIN_DESCRIPTORS} and more"


def _duplicate_of_stdout() -> int | None:
    """A copy of descriptor 1, whatever sys.stdout is now; None if the host has closed it."""
    if os.name != "posix":
        return None
    try:
        return _duplicate(1)
    except OSError:
        return None


def _duplicate(descriptor: int) -> int:
    """Never one of the first three, which a child has its own of, and which are whoever's opens them next."""
    import fcntl

    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _LOWEST)


def _above_standard(pipe: IO[bytes], mode: str) -> IO[bytes]:
    """A pipe in the place of a standard stream that the host has closed would get what is printed."""
    if os.name != "posix" or pipe.fileno() >= _LOWEST:
        return pipe
    with pipe:
        return open(_duplicate(pipe.fileno()), mode, buffering=0)


def _platform_options(output: int | None) -> dict[str, Any]:
    """A session of its own: a Ctrl-C in the terminal is for the host, which ends the engine itself."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True, "pass_fds": () if output is None else (output,)}
