"""What this machine offers to an engine and its workers."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path

from endstop._version import __version__
from endstop.client.interpreter import interpreter
from endstop.client.process import engine_command
from endstop.errors import EngineError
from endstop.worker.threads import unsafe_threads

_CGROUP_ROOT = Path("/sys/fs/cgroup")
_LIMITS = ("RLIMIT_NOFILE", "RLIMIT_NPROC", "RLIMIT_AS", "RLIMIT_CPU")


def describe_machine() -> tuple[list[str], str | None]:
    """Lines to read, and why there can be no engine, or None."""
    problem = None
    groups = "unknown"
    try:
        command = engine_command()
        engine = f"Node {_said([command[0], '--version'])} at {command[0]}"
        groups = _said([*command, "--cgroups"])
    except (EngineError, OSError, subprocess.SubprocessError) as error:
        problem = engine = str(error)
    return [
        f"endstop {__version__}, Python {platform.python_version()}, {platform.system()} {platform.release()}",
        ", ".join(f"{name} {_version(name)}" for name in ("crewai", "crewai-tools")),
        engine if problem is None else f"no engine: {engine}",
        f"fork: {_fork()}",
        f"limits of this process: {_resource_limits()}",
        f"cgroup of this process: {_cgroup()}",
        f"cgroups that hold memory quotas: {groups}",
        f"processors: {_processors()}",
        f"directory for journals and sockets: {os.environ.get('ENDSTOP_TMPDIR') or 'the system’s'}",
    ], problem


def _said(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _fork() -> str:
    if not hasattr(os, "fork"):
        return "none on this system, so there are no workers: every tool runs on the host"
    if (refusal := interpreter().get("refusal")) is not None:
        return f"no workers: {refusal}"
    unsafe = unsafe_threads()
    if not unsafe:
        return "yes"
    return f"not safe beside these threads of the modules, so workers are spawned, which is slower: {', '.join(unsafe)}"


def _resource_limits() -> str:
    try:
        import resource
    except ImportError:
        return "none on this system"
    soft = {name: resource.getrlimit(getattr(resource, name))[0] for name in _LIMITS if hasattr(resource, name)}
    told = [f"{name[7:].lower()} {value}" for name, value in soft.items() if value != resource.RLIM_INFINITY]
    return ", ".join(told) or "none"


def _cgroup() -> str:
    """Of version 2, or of version 1 as far as it is mounted in the usual place."""
    if not _CGROUP_ROOT.is_dir():
        return "none"
    own = next((line[3:] for line in _lines(Path("/proc/self/cgroup")) if line.startswith("0::")), "").strip("/")
    places = {
        "memory": (_CGROUP_ROOT / own / "memory.max", _CGROUP_ROOT / "memory" / "memory.limit_in_bytes"),
        "processes": (_CGROUP_ROOT / own / "pids.max", _CGROUP_ROOT / "pids" / "pids.max"),
    }
    found = {}
    for what, paths in places.items():
        value = next((lines[0] for path in paths if (lines := _lines(path))), "unknown")
        # Version 1 says "no limit" by a number near 2 to the power of 63.
        found[what] = "no limit" if value == "max" or (value.isdigit() and int(value) > 2**60) else value
    return ", ".join(f"{what} {value}" for what, value in found.items())


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def _processors() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1
