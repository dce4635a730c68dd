"""Whether this process can be forked: a fork has only the forking thread, and locks that others held stay locked."""

from __future__ import annotations

import os
import sys
import threading

# OpenTelemetry's batch threads start themselves again in a fork.
_FORK_AWARE_PREFIX = "OtelBatch"
# Each of these has its own OpenBLAS, which stops its threads before a fork and starts them again after it.
_BLAS_USERS = ("numpy", "scipy")


def unsafe_threads() -> list[str]:
    """Threads besides the main one that a fork is not known to be safe with; empty: fork."""
    main = threading.main_thread()
    others = [thread.name for thread in threading.enumerate() if thread is not main]
    unsafe = [name for name in others if not name.startswith(_FORK_AWARE_PREFIX)]
    native = _native_threads()
    if native is None:
        return [*unsafe, "those that /proc would tell, which is missing"]
    unknown_native = native - 1 - len(others) - _blas_threads()
    if unknown_native > 0:
        unsafe.append(f"{unknown_native} not started by Python")
    return unsafe


def _native_threads() -> int | None:
    """None if nothing can tell: on Linux without /proc."""
    try:
        return len(os.listdir("/proc/self/task"))
    except FileNotFoundError:
        import psutil

        try:
            return int(psutil.Process().num_threads())
        except psutil.Error:
            return None


def _blas_threads() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    processors = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    return (processors - 1) * sum(name in sys.modules for name in _BLAS_USERS)
