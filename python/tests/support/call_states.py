"""One executor with a call at every state at once, for faults to hit; a program can run it too."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from endstop import Outcome, ToolExecutor
from tests.support.fake_engine import eventually

# As many bodies as the engine runs in workers at once, with the one that is loaded: the next has to queue.
BUSY_WORKERS = max(4, len(os.sched_getaffinity(0)))
FILLING = tuple(f"filling worker {number}" for number in range(3, BUSY_WORKERS))
PERMANENT = ("running", "holding the permit", *FILLING)
OF_WORK = ("settled", "running", *FILLING, "queued for a worker")
KEYED = (*OF_WORK, "holding the permit", "waiting for the permit")
"""They have their own names as idempotency keys."""
MAX_WORK = len(OF_WORK) + 2
"""Bodies that the tool of those may run."""
EXECUTES, CLOSES = "become another program, or", "close all descriptors"


def note(folder: str, name: str) -> None:
    with open(os.path.join(folder, "begun"), "a") as file:
        file.write(f"{os.getpid()} {name}\n")


def work(folder: str, name: str) -> str:
    """One of those that run as the fault comes does what that says, and does not come back before all is over."""
    note(folder, name)
    while name in PERMANENT and not os.path.exists(os.path.join(folder, "over")):
        time.sleep(0.01)
        try:
            harm = Path(folder, "fault").read_text()
        except OSError:
            continue
        if EXECUTES in harm and PERMANENT.index(name) % 2 == 0:
            os.execv("/bin/sleep", ["sleep", "60"])
        if CLOSES in harm:
            os.closerange(0, 65_536)
    return name


def _load(folder: str) -> Any:
    note(folder, "loading")
    while not os.path.exists(os.path.join(folder, "fault")):
        time.sleep(0.01)
    return lambda: "loaded"


class LoadsSlowly:
    """A tool that is not rebuilt in a worker before the fault has come."""

    __name__ = "loading"

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def __call__(self) -> str:
        return "loaded"

    def __reduce__(self) -> Any:
        return _load, (self.folder,)


class CallsAtEveryState:
    """The constructor returns once each call is where its name says."""

    def __init__(self, executor: ToolExecutor, folder: Path, timeout: str) -> None:
        self.executor = executor
        self.outcomes: dict[str, Outcome] = {}
        self._folder = folder
        self._threads: list[threading.Thread] = []
        shared: Any = {"placement": "worker", "timeout": timeout}
        executor.register(work, max_calls=MAX_WORK, **shared)
        executor.register(work, name="one at a time", max_concurrent=1, **shared)
        executor.register(LoadsSlowly(str(folder)), name="loading", **shared)
        executor.register(self._until_the_fault, name="on the host")
        retried: Any = {"max_attempts": 1_000, "retry_delay": "1s", "max_retry_delay": "1s", "read_only": True}
        executor.register(self._fail_until_the_fault, name="retried", **retried)
        self._call("settled", "work")
        self._threads[0].join()
        self._call("loading", "loading", named=False)
        self._call("running", "work")
        self._call("holding the permit", "one at a time")
        self._call("on the host", "on the host")
        self._call("between attempts", "retried")
        for name in FILLING:
            self._call(name, "work")
        waits = {"on the host", "between attempts", "loading", *PERMANENT}
        assert eventually(lambda: waits <= self.begun.keys()), self.begun
        self._call("waiting for the permit", "one at a time")
        self._call("queued for a worker", "work")
        assert eventually(self._is_complete), executor.stats()

    @property
    def begun(self) -> dict[str, int]:
        """Which bodies, or imports, have begun, and in which process the latest of that name did."""
        lines = (self._folder / "begun").read_text().splitlines()
        return {name: int(pid) for pid, _, name in (line.partition(" ") for line in lines)}

    @property
    def pids(self) -> dict[str, int]:
        """Of the workers that have a call."""
        return {name: self.begun[name] for name in ("loading", *PERMANENT)}

    def fault(self, harm: str = "") -> None:
        """To be said before the fault comes: what has not begun may end from now on. `harm` is for the bodies to do."""
        said = self._folder / "said"
        said.write_text(harm)
        said.rename(self._folder / "fault")

    def release(self) -> None:
        """All bodies end."""
        (self._folder / "over").touch()

    def use_up(self) -> int:
        """Asks for every key again, and for more than the limit allows. How many bodies the limited tool ran."""
        self.release()
        for name in KEYED:
            tool = "work" if name in OF_WORK else "one at a time"
            self.executor.try_execute_tool(tool, {"folder": str(self._folder), "name": name}, idempotency_key=name)
        for number in range(MAX_WORK + 1):
            self.executor.try_execute_tool("work", {"folder": str(self._folder), "name": f"more {number}"})
        lines = (self._folder / "begun").read_text().splitlines()
        bodies = Counter(line.partition(" ")[2] for line in lines)
        assert max(bodies[name] for name in KEYED) == 1, bodies
        return sum(count for name, count in bodies.items() if name in OF_WORK or name.startswith("more "))

    def end(self) -> dict[str, tuple[str, int]]:
        """What became of each call: code and attempts."""
        for thread in self._threads:
            thread.join(30)
        assert {"settled"} | set(self.outcomes) == {thread.name for thread in self._threads}, self.outcomes.keys()
        return {
            name: (outcome.failure.code if outcome.failure else outcome.status, outcome.attempts)
            for name, outcome in self.outcomes.items()
        }

    def _is_complete(self) -> bool:
        stats = self.executor.stats()
        return stats.in_flight == len(self._threads) - 1 and (stats.workers.busy, stats.workers.waiting) == (
            BUSY_WORKERS,
            1,
        )

    def _call(self, name: str, tool: str, *, named: bool = True) -> None:
        args = {"folder": str(self._folder), "name": name} if named else {}

        def call() -> None:
            key = name if name in KEYED else None
            outcome = self.executor.try_execute_tool(tool, args, idempotency_key=key)
            assert name not in self.outcomes
            self.outcomes[name] = outcome

        thread = threading.Thread(target=call, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _until_the_fault(self, folder: str, name: str) -> str:
        note(folder, name)
        while not (self._folder / "fault").exists():
            time.sleep(0.01)
        return name

    def _fail_until_the_fault(self, folder: str, name: str) -> str:
        note(folder, name)
        if not (self._folder / "fault").exists():
            raise OSError("not yet")
        return name
