"""What the suite needs beside the checkout: CrewAI's tests and a virtual environment, both in the user's cache."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tools.environment import NETWORK_HINT, script
from tools.steps import Command, digest_of, one_at_a_time, run

HERE = Path(__file__).resolve().parent
CONFTEST = HERE / "stand_in_conftest.py"
OLDEST, NEWEST = "1.15.29", "1.15.30"
REQUIREMENTS_BY_VERSION = {version: HERE / f"requirements-{version}.txt" for version in (OLDEST, NEWEST)}
"""The lock files of the oldest version of CrewAI that is supported, and of the newest that is tested."""


@dataclass(frozen=True)
class Surroundings:
    """One version of CrewAI for one version of Python."""

    version: str
    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    @property
    def source(self) -> Path:
        """Where CrewAI's source distribution was unpacked; its tests are run from here."""
        return self.folder / f"crewai-{self.version}"

    @property
    def requirements(self) -> Path:
        return REQUIREMENTS_BY_VERSION[self.version]

    @property
    def digest(self) -> str:
        """Changes with everything that a plain run depends on."""
        return digest_of([self.requirements, CONFTEST], extra=f"{sys.platform} {sys.version}")


def surroundings(version: str) -> Surroundings:
    """Makes what is missing; a second call does nothing but copy our conftest."""
    name = f"{version}-python{sys.version_info.major}.{sys.version_info.minor}"
    folder = _cache() / "crewai-suite" / name
    folder.mkdir(parents=True, exist_ok=True)
    made = Surroundings(version, folder)
    with one_at_a_time("setup", folder=folder):
        stamp = folder / "made-from"
        if not stamp.is_file() or stamp.read_text() != made.digest:
            stamp.unlink(missing_ok=True)
            _make_environment(made)
            _unpack_tests(made)
            stamp.write_text(made.digest)
    shutil.copyfile(CONFTEST, made.source / "conftest.py")
    return made


def _cache() -> Path:
    # Outside the checkout: what belongs to CrewAI is not for this repository, and every checkout can share it.
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "endstop"


def _make_environment(made: Surroundings) -> None:
    # An environment of its own: CrewAI's tests need a hundred packages that Endstop does not.
    venv: Command = [script("uv"), "venv", "--quiet", "--clear", "--python", sys.executable, made.folder / "venv"]
    run(
        f"making an environment for the tests of crewai {made.version}",
        venv,
        hint="Delete its folder under the user's cache, endstop/crewai-suite, then run the same command again.",
    )
    # Importing CrewAI without compiled files takes three times as long, in each process of each run.
    options: Command = ["--quiet", "--compile-bytecode", "--python", made.python, "--requirement", made.requirements]
    run("installing what CrewAI's tests need", [script("uv"), "pip", "install", *options], hint=NETWORK_HINT)


def _unpack_tests(made: Surroundings) -> None:
    with tempfile.TemporaryDirectory() as folder:
        # The wheel on PyPI has no tests. hatchling comes from the lock file, as everything here, and so does the hash.
        locked = Path(folder, "crewai.txt")
        locked.write_text(_locked(made.requirements, "crewai"), encoding="utf-8")
        options = ["--quiet", "--no-deps", "--no-binary", ":all:", "--no-build-isolation", "--dest", folder]
        run(
            f"downloading the source distribution of crewai {made.version}",
            [made.python, "-m", "pip", "download", *options, "--requirement", locked],
            hint=NETWORK_HINT,
            env={**os.environ, "PATH": os.pathsep.join([str(made.python.parent), os.environ.get("PATH", "")])},
        )
        [archive] = Path(folder).glob("*.tar.gz")
        shutil.rmtree(made.source, ignore_errors=True)
        with tarfile.open(archive) as opened:
            if hasattr(tarfile, "data_filter"):
                opened.extractall(made.folder, filter="data")
            else:
                opened.extractall(made.folder)
    # What is tested is what is installed.
    shutil.rmtree(made.source / "src", ignore_errors=True)


def _locked(requirements: Path, package: str) -> str:
    """The lines of one package in a lock file: its version and its hashes."""
    _, start, after = requirements.read_text(encoding="utf-8").partition(f"\n{package}==")
    return start.strip() + re.split(r"\n(?! )", after, maxsplit=1)[0] + "\n"
