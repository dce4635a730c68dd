"""The limits that a worker sets on itself for a call: a second net behind the engine's samples.

Soft limits only: a hard one could not be raised again for the next call, and a body that lifts a soft one is still
sampled and killed from outside. RLIMIT_NPROC is not used: it counts all processes of the user.
"""

from __future__ import annotations

import resource
from contextlib import suppress
from typing import Any

from endstop.worker.usage import Usage

# Set anew only if what the worker has moved by this much since: two system calls less in most calls.
_DRIFT_BYTES = 16_000_000


class OwnLimits:
    """Relative to what the process has when a call comes; the same limits again change nothing."""

    def __init__(self) -> None:
        self._before = {which: resource.getrlimit(which) for which in (resource.RLIMIT_DATA, resource.RLIMIT_CPU)}
        self._data: tuple[int, int] | None = None
        """The limit that was asked for, and what the process had then."""
        self._has_cpu_limit = False

    def set(self, limits: dict[str, Any], usage: Usage) -> None:
        """Sets `dataBytes` and `cpuMs` beyond `usage`; what is null or missing is as it was before."""
        data_bytes = limits.get("dataBytes")
        if data_bytes is None:
            if self._data is not None:
                self._data = None
                self._set(resource.RLIMIT_DATA, None)
        elif self._data is None or self._data[0] != data_bytes or abs(self._data[1] - usage.data_bytes) > _DRIFT_BYTES:
            self._data = (data_bytes, usage.data_bytes)
            self._set(resource.RLIMIT_DATA, usage.data_bytes + data_bytes)
        cpu_ms = limits.get("cpuMs")
        if cpu_ms is not None:
            self._has_cpu_limit = True
            self._set(resource.RLIMIT_CPU, -(-(usage.cpu_ms + cpu_ms) // 1_000))  # in whole seconds, rounded up
        elif self._has_cpu_limit:
            self._has_cpu_limit = False
            self._set(resource.RLIMIT_CPU, None)

    def _set(self, which: int, wanted: float | None) -> None:
        soft, hard = self._before[which]
        if wanted is not None:
            limit = int(wanted)
            soft = limit if soft == resource.RLIM_INFINITY else min(soft, limit)
        # Refused where a body has lowered the hard limit below it: then its own, smaller one holds.
        with suppress(ValueError, OSError):
            resource.setrlimit(which, (soft, hard))
