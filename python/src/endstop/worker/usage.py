"""What this process has used, in the figures that the engine samples from outside."""

from __future__ import annotations

import fcntl
import os
import resource
import time
from typing import NamedTuple

from endstop.worker.descriptors import LOWEST_DESCRIPTOR


class Usage(NamedTuple):
    cpu_ms: int
    """Of this process and of the children it has waited for."""
    memory_bytes: int
    """Anonymous memory that is in use, with the pages that a fork shares with the template."""
    data_bytes: int
    """Address space for data, touched or not: what RLIMIT_DATA counts."""


# What a body can use up in so short a time is nothing beside any quota.
_FRESH_S = 0.002


class Meter:
    """Reads cheaply: the file stays open. Where there is no /proc, memory is 0."""

    def __init__(self) -> None:
        self._latest = Usage(0, 0, 0)
        self._read_at_s = 0.0
        self._page_bytes = resource.getpagesize()
        self._statm = -1
        try:
            with open("/proc/self/statm", "rb") as opened:
                self._statm = fcntl.fcntl(opened, fcntl.F_DUPFD_CLOEXEC, LOWEST_DESCRIPTOR)
        except FileNotFoundError:
            pass

    def read(self) -> Usage:
        """What is used now, or was at most 2 ms ago."""
        now_s = time.monotonic()
        if now_s - self._read_at_s >= _FRESH_S:
            self._latest = self._read()
            self._read_at_s = now_s
        return self._latest

    def _read(self) -> Usage:
        times = os.times()
        cpu_ms = round(1_000 * (times[0] + times[1] + times[2] + times[3]))
        if self._statm < 0:
            return Usage(cpu_ms, 0, 0)
        _, resident, shared, _, _, data, _ = os.pread(self._statm, 256, 0).split()
        pages = self._page_bytes
        return Usage(cpu_ms, (int(resident) - int(shared)) * pages, int(data) * pages)
