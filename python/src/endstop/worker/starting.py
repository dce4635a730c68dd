"""Starts a worker: a fork of the template, or, where a fork is not safe, a new Python that imports the same modules."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NoReturn

from endstop.worker import streams, worker
from endstop.worker.descriptors import LOWEST_DESCRIPTOR
from endstop.worker.importing import import_modules

# The token must not stand on a command line, which every user can read, and a path can be too long for an environment.
_SPAWNED = (
    "import json, sys; file = open(int(sys.argv[1])); start = json.load(file); file.close(); "
    "sys.path[:] = start.pop('path'); from endstop.worker.starting import run_spawned; run_spawned(start)"
)
EXIT_DEFECT = 70
HARMFUL_SIGNALS = (
    signal.SIGHUP,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGALRM,
    signal.SIGVTALRM,
    signal.SIGPROF,
)
"""What ends a process that has no handler, and the template ignores: a body may send it to its parent."""


@dataclass(frozen=True)
class Birth:
    """What a worker is given: its number, the token that it shows, the socket that it dials, and who started it."""

    worker: int
    token: str
    socket_path: str
    template_pid: int


def fork_worker(birth: Birth) -> int:
    """Returns the process id, in the template only. Raises OSError if there is no process to be had."""
    streams.flush()  # or every fork would print what is still in the buffers
    with warnings.catch_warnings():
        # Python 3.12 warns of every other thread; threads.py has looked at which they are.
        warnings.filterwarnings("ignore", message=".*use of fork.*", category=DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        _become_worker(birth)
    return pid


def spawn_worker(birth: Birth, modules: list[str]) -> int:
    """As `fork_worker`, for a template with threads: slower by the import of the modules."""
    start = {"path": sys.path, "modules": modules, **asdict(birth)}
    with tempfile.TemporaryFile("w+") as file:
        json.dump(start, file)
        file.flush()
        file.seek(0)
        descriptor = fcntl.fcntl(file.fileno(), fcntl.F_DUPFD, LOWEST_DESCRIPTOR)
        try:
            return os.posix_spawn(
                sys.executable,
                [sys.executable, "-c", _SPAWNED, str(descriptor)],
                os.environ,
                file_actions=[(os.POSIX_SPAWN_DUP2, streams.host_output(), 1)],
            )
        finally:
            os.close(descriptor)


def run_spawned(start: dict[str, Any]) -> NoReturn:
    """The first thing that a spawned worker does."""
    streams.set_up()
    modules = start.pop("modules")
    _become_worker(Birth(**start), modules)


def _become_worker(birth: Birth, modules: Sequence[str] = ()) -> NoReturn:
    try:
        worker.isolate(birth.template_pid)
        # In a fork there are none to import. What fails here fails again, with its traceback, as a tool is loaded.
        import_modules(modules)
        _restore_signals()
        _seed_again()
        worker.main(birth.worker, birth.token, birth.socket_path)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        # A fork that came back from here would be a second template.
        os._exit(EXIT_DEFECT)


def _restore_signals() -> None:
    """As in a Python that was just started, whatever the template or an imported module set."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGCONT, *HARMFUL_SIGNALS):
        signal.signal(number, signal.SIG_DFL)


def _seed_again() -> None:
    """Forks must not draw the same numbers. Python sees to its own generator, NumPy does not to its global one."""
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()
