"""The workers of a template: which process is which worker, which have ended, and what they left behind."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import NamedTuple

from endstop.worker.children import Exit, end_children, kill_tree, peek_exit

# What SIGKILL does not end within this hangs in the kernel; waiting longer would only stop the template.
REAP_PATIENCE_S = 1.0


class Death(NamedTuple):
    worker: int
    pid: int
    exit: Exit


@dataclass
class _Worker:
    pid: int
    death_reported: bool = False


class Registry:
    """Workers by number, from their fork until they are reaped: so long, a worker's process id stays its own."""

    def __init__(self) -> None:
        self._workers: dict[int, _Worker] = {}
        # No descendant of a worker can get back into this session, so a child outside it came from a worker.
        self._session = os.getsid(0)
        self._unreaped: set[int] = set()
        self._unfinished = False

    def add(self, worker: int, pid: int) -> None:
        self._workers[worker] = _Worker(pid)

    def new_deaths(self) -> list[Death]:
        """Workers that have ended since the last time. They stay zombies until `reap`."""
        deaths = []
        for number, worker in self._workers.items():
            if not worker.death_reported and (ending := peek_exit(worker.pid)) is not None:
                worker.death_reported = True
                deaths.append(Death(number, worker.pid, ending))
        return deaths

    def reap(self, worker: int) -> None:
        """Kills what is left of a worker's group, reaps it, then kills and reaps all that it left behind."""
        entry = self._workers.pop(worker, None)
        if entry is not None:
            kill_tree(entry.pid)
            self._unreaped.add(entry.pid)
        self._end_leftovers(REAP_PATIENCE_S)

    def retry_leftovers(self) -> None:
        """To be called when some child has ended: reaps what an earlier `reap` could not wait for."""
        if self._unfinished:
            self._end_leftovers(0)

    def kill_all(self) -> None:
        """Kills and reaps every worker, what they left behind, and what imported modules started."""
        for entry in self._workers.values():
            kill_tree(entry.pid)
        self._workers.clear()
        end_children(lambda pid: True, REAP_PATIENCE_S)

    def _end_leftovers(self, patience_s: float) -> None:
        living = {entry.pid for entry in self._workers.values()}

        def left_behind(pid: int) -> bool:
            return pid in self._unreaped or (pid not in living and os.getsid(pid) != self._session)

        self._unfinished = not end_children(left_behind, patience_s)
        if not self._unfinished:
            self._unreaped.clear()
