"""`dev lock` writes all lock files; `check_locks` makes sure that they name no registry host."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from tools.crewai_suite.surroundings import REQUIREMENTS_BY_VERSION
from tools.environment import ENGINE, PACKAGE, REQUIREMENTS, UV, bootstrap, node_environment, npm, script, setup
from tools.steps import ROOT, Command, StepFailed, run

PACKAGE_LOCKS = [folder / "package-lock.json" for folder in (ENGINE, ROOT / "docs")]
# One file for every supported Python and system: --universal writes the differences as markers.
_UV_OPTIONS: Command = [
    *("--universal", "--python-version", "3.10", "--no-emit-index-url", "--no-emit-find-links"),
    *("--custom-compile-command", "python3 dev lock", "--generate-hashes", "--upgrade", "--quiet"),
]


def lock() -> None:
    """Resolves anew what the manifests ask for. What is installed follows with the next `dev setup`."""
    bootstrap()
    _lock_python()
    setup(node_packages=False)
    _lock_crewai_suite()
    for lock_file in PACKAGE_LOCKS:
        _lock_node(lock_file)
    check_locks()


def _lock_python() -> None:
    sources = ["pyproject.toml", REQUIREMENTS.with_suffix(".in").name]
    command: Command = [script("uv"), "pip", "compile", *_UV_OPTIONS, "--output-file", REQUIREMENTS.name, *sources]
    run("resolving Python requirements", command, hint="Correct python/requirements-dev.in.", cwd=PACKAGE)


def _lock_crewai_suite() -> None:
    for version, requirements in REQUIREMENTS_BY_VERSION.items():
        with tempfile.TemporaryDirectory() as folder:
            constraint = Path(folder, "constraint.txt")
            constraint.write_text(f"crewai=={version}\n")
            # Without annotations, which would name the temporary file.
            options = [*_UV_OPTIONS, "--no-annotate", "--constraint", constraint, "--output-file", requirements]
            sources = [requirements.with_name("requirements.in"), PACKAGE / "pyproject.toml"]
            run(
                f"resolving what the tests of crewai {version} need",
                [script("uv"), "pip", "compile", *options, *sources],
                hint="Correct tools/crewai_suite/requirements.in.",
            )


def _lock_node(lock_file: Path) -> None:
    # In a folder of its own: beside an old lock or installed packages npm would keep their versions.
    with tempfile.TemporaryDirectory() as folder:
        for name in ("package.json", ".npmrc"):
            shutil.copy(lock_file.with_name(name), folder)
        run(
            "resolving Node packages",
            [*npm(), "install", "--package-lock-only", "--loglevel=error"],
            hint=f"Correct {lock_file.with_name('package.json').relative_to(ROOT)}.",
            cwd=Path(folder),
            env=node_environment(),
            quiet=True,
        )
        shutil.copy(Path(folder, lock_file.name), lock_file)


def check_locks() -> None:
    """Fails if a lock file has a package without its hash, or names where it came from: each machine's own setting."""
    named = []
    for lock_file in PACKAGE_LOCKS:
        packages = json.loads(lock_file.read_text(encoding="utf-8"))["packages"]
        named += [
            f"package-lock.json: {name}" for name, found in packages.items() if "://" in found.get("resolved", "")
        ]
    options = ("--index-url", "--extra-index-url", "--find-links", "-i ", "-f ")
    for file in (UV, REQUIREMENTS, *REQUIREMENTS_BY_VERSION.values()):
        lines = file.read_text(encoding="utf-8").splitlines()
        named += [f"{file.name}: {line}" for line in lines if "://" in line or line.startswith(options)]
        named += [f"{file.name}: {line}, no hash" for line in lines if "==" in line and not line.endswith("\\")]
    if named:
        raise StepFailed(
            f"checking lock files ({'; '.join(named[:3])})", "Run `python3 dev lock` and commit the result."
        )
