"""The faults of `dev soak`: what each does, and how often it comes beside the others."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from _soak_tools import HARMFUL, SILENT, Tool
from tests.support.small_disk import SmallDisk
from tests.support.stepped_clock import SteppedClock

from endstop import EngineError, Outcome, ToolExecutor
from endstop.client.engine import shared_engine

Judge = Callable[[ToolExecutor, Tool, str, dict[str, Any]], None]
"""Makes a call, and says what it thinks of the outcome."""

WEIGHTS = {
    "kill a worker": 60,
    "stop a worker": 20,
    "kill the template": 3,
    "stop the template": 3,
    "kill the engine": 1,
    "kill two engines in a row": 1,
    "stop the engine": 1,
    "step the clock between two engines": 1,
    "silence a loop of the host": 1,
    "tidy the folder": 1,
    "fill the disk": 1,
    "become another program": 3,
    "close all descriptors": 3,
}
RESUMING_S = 0.6
"""In that time an engine is started and takes up what the last one knew."""
FULL_S = 1.0
SHIFTS_S = (120.0, -86_400.0, 3_600.0 * 24 * 365, 0.0)


class Faults:
    """`inject` raises psutil.Error, IndexError, ValueError or OSError where there is nothing to hit."""

    def __init__(
        self,
        executor: ToolExecutor,
        choices: random.Random,
        clock: SteppedClock,
        disk: SmallDisk | None,
    ) -> None:
        self._executor = executor
        self._random = choices
        self._clock = clock
        self._disk = disk
        self._host = psutil.Process()
        self.impossible = [] if disk else ["fill the disk"]
        self.broken: list[str] = []
        """What a fault left that it must not leave."""

    def inject(self, fault: str, judge: Judge) -> None:
        if fault == "kill two engines in a row":
            self._kill_two_engines()
        elif fault == "step the clock between two engines":
            self._clock.shift_s = self._random.choice(SHIFTS_S)
            self._hit_the_engine(signal.SIGKILL)
        elif fault == "silence a loop of the host":
            self._silence_a_loop(judge)
        elif fault == "tidy the folder":
            self._tidy()
        elif fault == "fill the disk":
            self._fill()
        elif fault in HARMFUL:
            self._call(HARMFUL[fault], judge)
        else:
            hit = signal.SIGSTOP if fault.startswith("stop") else signal.SIGKILL
            if fault.endswith("the engine"):
                self._hit_the_engine(hit)
            else:
                os.kill(self._victim(fault), hit)

    def _hit_the_engine(self, hit: signal.Signals) -> int:
        """One that dies three times before it has answered a call is given up, which is another test's matter."""
        connection = shared_engine().live_connection
        if connection is None or not connection.proved:
            raise ValueError("none that has answered a call")
        os.kill(connection.process.pid, hit)
        return connection.process.pid

    def _engine(self) -> psutil.Process:
        [engine] = self._host.children()
        return engine

    def _victim(self, fault: str) -> int:
        [template] = self._engine().children()
        # One that has no workers yet is importing: three kills there would count against the module.
        worker = self._random.choice(template.children())
        return template.pid if fault.endswith("the template") else worker.pid

    def _kill_two_engines(self) -> None:
        """The second at a random moment of taking up what the first knew."""
        first = self._hit_the_engine(signal.SIGKILL)
        give_up_at = time.monotonic() + 5
        while time.monotonic() < give_up_at:
            with suppress(psutil.Error, ValueError):
                second = self._engine().pid
                if second != first:
                    time.sleep(self._random.random() * RESUMING_S)
                    os.kill(second, signal.SIGKILL)
                    return
            time.sleep(0.002)

    def _silence_a_loop(self, judge: Judge) -> None:
        """One call is in its body and one waits for the permit; others get the permit all the same."""
        loop = asyncio.new_event_loop()

        async def ask() -> list[asyncio.Task[Outcome]]:
            waits = {"seconds": 60}
            tasks = [asyncio.create_task(self._executor.atry_execute_tool(SILENT.name, waits)) for _ in range(2)]
            await asyncio.sleep(0.1)
            return tasks

        tasks = loop.run_until_complete(ask())
        # Nobody runs the loop now.
        self._call(SILENT, judge)
        ended = loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self.broken += [
            f"a call of a stopped loop has {each!r}" for each in ended if not isinstance(each, (Outcome, EngineError))
        ]
        loop.close()

    def _tidy(self) -> None:
        """As a tool's `rm -rf $TMPDIR/*`, or who removes what is old."""
        for path in Path(os.environ["TMPDIR"]).iterdir():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    def _fill(self) -> None:
        assert self._disk is not None
        self._disk.fill()
        try:
            time.sleep(self._random.random() * FULL_S)
        finally:
            self._disk.empty()

    def _call(self, tool: Tool, judge: Judge) -> None:
        judge(self._executor, tool, tool.name, tool.arguments(self._random))
