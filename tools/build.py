"""Building: the engine's two bundles, the npm tarball and the wheel; and running the measurements."""

from __future__ import annotations

import contextlib
import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

from tools.environment import ENGINE, PACKAGE, PYTHON, node_environment, node_tool, npm, script
from tools.generate import check_generated
from tools.sbom import write_bundle_sbom, write_npm_sbom
from tools.steps import CACHE, ROOT, Command, StepFailed, files_under, if_changed, one_at_a_time, run, say

DIST = ROOT / "dist"
LIBRARY = ENGINE / "dist" / "index.mjs"
CARRIED = PACKAGE / "src" / "endstop" / "_engine"
CARRIED_ENGINE = CARRIED / "endstop.mjs"
NOTICES = CARRIED / "THIRD_PARTY_NOTICES.txt"
SBOM = CARRIED / "engine.cdx.json"


def build_engine() -> None:
    """Builds the npm package's dist/ and the one file that the wheel carries, with its notices, if a source changed."""
    names = ("package.json", "package-lock.json", "tsconfig.json", "tsdown.config.ts")
    sources = files_under(ENGINE / "src", *(ENGINE / name for name in names))
    inputs = [path for path in sources if ".test." not in path.name]
    with one_at_a_time("build"):
        if_changed(CACHE / "engine-built", inputs, _tsdown, produces=[LIBRARY, CARRIED_ENGINE, NOTICES, SBOM])


def _tsdown() -> None:
    run(
        "building the engine",
        node_tool("tsdown", "dist/run.mjs"),
        hint="Correct the error above in engine/src, then run the same command again.",
        cwd=ENGINE,
        env=node_environment(),
        quiet=True,
    )
    write_bundle_sbom(json.loads((CACHE / "bundled.json").read_text(encoding="utf-8")), SBOM)


def build_packages() -> None:
    check_generated()
    build_engine()
    shutil.rmtree(DIST, ignore_errors=True)
    DIST.mkdir()
    with _licence_in(ENGINE):
        pack: Command = [*npm(), "pack", "--loglevel=error", "--pack-destination", DIST]
        hint = "Correct engine/package.json."
        run("packing the npm tarball", pack, hint=hint, cwd=ENGINE, env=node_environment(), quiet=True)
    with _licence_in(PACKAGE):
        # --no-build-isolation: hatchling comes from the locked requirements.
        build: Command = [script("uv"), "build", "--wheel", "--no-build-isolation", "--no-create-gitignore", "--quiet"]
        run(
            "building the wheel",
            [*build, "--python", PYTHON, "--out-dir", DIST, PACKAGE],
            hint="Correct pyproject.toml.",
        )
    _check_wheel()
    [tarball] = DIST.glob("*.tgz")
    write_npm_sbom(tarball.with_suffix(".cdx.json"))
    for path in sorted(DIST.iterdir()):
        say(f"wrote {path.relative_to(ROOT)}, {path.stat().st_size // 1024} KiB")


@contextlib.contextmanager
def _licence_in(folder: Path) -> Iterator[None]:
    """Both packagers take the licence from their own package's folder only."""
    copy = folder / "LICENSE"
    shutil.copyfile(ROOT / "LICENSE", copy)
    try:
        yield
    finally:
        copy.unlink()


def _check_wheel() -> None:
    [wheel] = DIST.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    carried = {path.relative_to(PACKAGE / "src").as_posix() for path in (CARRIED_ENGINE, NOTICES, SBOM)}
    missing = {*carried, "endstop/py.typed"} - names
    if missing or not wheel.name.endswith("-py3-none-any.whl"):
        raise StepFailed(f"checking {wheel.name} (missing: {sorted(missing)})", "Correct python/pyproject.toml.")
