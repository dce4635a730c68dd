"""`dev lock` writes both lock files; `check_locks` makes sure that they name no registry host."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from tools.environment import ENGINE, PACKAGE, REQUIREMENTS, bootstrap, node_environment, npm, script, setup
from tools.steps import Command, StepFailed, run

PACKAGE_LOCK = ENGINE / "package-lock.json"


def lock() -> None:
    """Resolves anew what the manifests ask for. What is installed follows with the next `dev setup`."""
    bootstrap()
    _lock_python()
    setup(node_packages=False)
    _lock_node()
    check_locks()


def _lock_python() -> None:
    # One file for every supported Python and system: --universal writes the differences as markers.
    options = ["--universal", "--python-version", "3.10", "--no-emit-index-url", "--no-emit-find-links"]
    sources = ["pyproject.toml", REQUIREMENTS.with_suffix(".in").name]
    header = ["--custom-compile-command", "python3 dev lock"]
    output = ["--upgrade", "--quiet", "--output-file", REQUIREMENTS.name]
    command: Command = [script("uv"), "pip", "compile", *options, *header, *output, *sources]
    run("resolving Python requirements", command, hint="Correct python/requirements-dev.in.", cwd=PACKAGE)


def _lock_node() -> None:
    # In a folder of its own: beside an old lock or installed packages npm would keep their versions.
    with tempfile.TemporaryDirectory() as folder:
        for name in ("package.json", ".npmrc"):
            shutil.copy(ENGINE / name, folder)
        run(
            "resolving Node packages",
            [*npm(), "install", "--package-lock-only", "--loglevel=error"],
            hint="Correct engine/package.json.",
            cwd=Path(folder),
            env=node_environment(),
            quiet=True,
        )
        shutil.copy(Path(folder, PACKAGE_LOCK.name), PACKAGE_LOCK)


def check_locks() -> None:
    """Fails if a lock file names where a package was fetched from: that is each machine's own setting."""
    packages = json.loads(PACKAGE_LOCK.read_text(encoding="utf-8"))["packages"]
    named = [f"package-lock.json: {name}" for name, package in packages.items() if "://" in package.get("resolved", "")]
    lines = REQUIREMENTS.read_text(encoding="utf-8").splitlines()
    options = ("--index-url", "--extra-index-url", "--find-links", "-i ", "-f ")
    named += [f"requirements-dev.txt: {line}" for line in lines if "://" in line or line.startswith(options)]
    if named:
        raise StepFailed(
            f"checking lock files ({'; '.join(named[:3])})", "Run `python3 dev lock` and commit the result."
        )
