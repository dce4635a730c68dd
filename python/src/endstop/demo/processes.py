"""Runs each case in a process of its own, two at a time, so that a hang can be killed and nothing is left of it.

On Linux they are forked from this one, which has imported CrewAI (that takes seconds), used nothing of it, and has no
other thread.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import wait
from pathlib import Path

from endstop.demo.case import Case
from endstop.demo.case_process import LOG, TALLY, run_case
from endstop.demo.measured import Ending, Measured, Side
from endstop.demo.progress import Progress
from endstop.demo.tally import counts

CONTEXT = multiprocessing.get_context("fork") if sys.platform == "linux" else multiprocessing.get_context("spawn")

AT_ONCE = 2
HANG_FACTOR = 3
TIME_TO_START_S = 60.0
TIME_TO_EXIT_S = 3.0


class CaseProcess:
    """The process of one case on one side: starting, kicked off, ended, gone."""

    def __init__(self, case: Case, side: Side, folder: Path) -> None:
        self.case = case
        self.side = side
        self._folder = folder / f"{case.name}-{side}"
        self._folder.mkdir()
        self._ending: Ending | None = None
        self._kicked_off_at: float | None = None
        self._deadline = time.monotonic() + TIME_TO_START_S
        self.connection, theirs = CONTEXT.Pipe(duplex=False)
        self._process = CONTEXT.Process(target=run_case, args=(theirs, case.name, side, self._folder), daemon=True)
        self._process.start()
        theirs.close()

    @property
    def remaining_s(self) -> float:
        """Until it is killed."""
        return max(0.0, self._deadline - time.monotonic())

    @property
    def elapsed_s(self) -> float:
        """Since its kickoff began; 0 before."""
        return 0.0 if self._kicked_off_at is None else time.monotonic() - self._kicked_off_at

    def receive(self) -> Measured | None:
        """Takes what the process has sent; the measurement, once it is gone."""
        try:
            message = self.connection.recv()
        except EOFError:
            self._process.join()
            died = f"exit code {self._process.exitcode}: {self._last_line()}"
            return self._measured(died=None if self._ending else died)
        if isinstance(message, Ending):
            self._ending = message
            self._deadline = time.monotonic() + TIME_TO_EXIT_S
        else:
            self._kicked_off_at = time.monotonic()
            self._deadline = self._kicked_off_at + HANG_FACTOR * self.case.limit_s
        return None

    def expired(self) -> Measured | None:
        """Kills it if its time is over; the measurement then."""
        if self.remaining_s > 0:
            return None
        self.kill()
        if self._kicked_off_at is None:
            return self._measured(died=f"not ready after {TIME_TO_START_S:.0f} s")
        return self._measured(lingered=self._ending is not None)

    def kill(self) -> None:
        """Ends it and its process group, at once."""
        pid = self._process.pid
        if pid is not None and self._process.is_alive():
            try:
                os.killpg(pid, signal.SIGKILL)
            except (AttributeError, ProcessLookupError):  # Windows, or it has no group of its own yet
                self._process.kill()
        self._process.join()

    def _last_line(self) -> str:
        log = self._folder / LOG
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        return lines[-1] if lines else "it printed nothing"

    def _measured(self, *, died: str | None = None, lingered: bool = False) -> Measured:
        self.connection.close()
        seconds = self.elapsed_s if self._ending is None else self._ending.seconds
        counted = counts(self._folder / TALLY)
        return Measured(seconds, counted["body"], counted["model"], self._ending, died, lingered)


def measure(
    jobs: Sequence[tuple[Case, Side]], start: Callable[[Case, Side], CaseProcess], progress: Progress
) -> dict[tuple[str, Side], Measured]:
    """Runs the jobs in their order, two at a time."""
    waiting = list(jobs)
    running: list[CaseProcess] = []
    results: dict[tuple[str, Side], Measured] = {}
    try:
        while waiting or running:
            while waiting and len(running) < AT_ONCE:
                running.append(start(*waiting.pop(0)))
            progress.running(running)
            heard = wait([one.connection for one in running], min(1.0, *(one.remaining_s for one in running)))
            for one in list(running):
                measured = one.receive() if one.connection in heard else one.expired()
                if measured is not None:
                    running.remove(one)
                    results[one.case.name, one.side] = measured
                    progress.ended(one, measured)
    finally:
        for one in running:
            one.kill()
    return results
