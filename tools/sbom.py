"""Software bills of materials (CycloneDX): of the npm package, and of what the wheel's one JavaScript file contains."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tools.environment import ENGINE, node_environment, npm
from tools.steps import StepFailed


def write_npm_sbom(path: Path) -> None:
    """The npm package and all that its users install with it."""
    bill = _everything()
    requires = {entry["ref"]: entry["dependsOn"] for entry in bill["dependencies"]}
    direct = json.loads((ENGINE / "package.json").read_text(encoding="utf-8"))["dependencies"]
    found: set[str] = set()
    # npm's own `--omit dev` leaves out what a development package needs, too.
    waiting = [ref for ref in requires[_own(bill)] if ref.rpartition("@")[0] in direct]
    while waiting:
        ref = waiting.pop()
        if ref not in found:
            found.add(ref)
            waiting += requires.get(ref, [])
    _write(bill, found, path)


def write_bundle_sbom(parts: Iterable[str], path: Path) -> None:
    """These parts alone, each as `name@version`."""
    _write(_everything(), set(parts), path)


def _everything() -> dict[str, Any]:
    command = [*npm(), "sbom", "--sbom-format", "cyclonedx", "--package-lock-only"]
    found = subprocess.run(
        [str(part) for part in command], cwd=ENGINE, env=node_environment(), capture_output=True, text=True, check=False
    )
    if found.returncode != 0:
        raise StepFailed(f"listing npm packages ({found.stderr.strip()})", "Correct engine/package.json.")
    bill: dict[str, Any] = json.loads(found.stdout)
    # npm names the package after its folder.
    component = bill["metadata"]["component"]
    component["name"] = _own(bill).rpartition("@")[0]
    return bill


def _own(bill: dict[str, Any]) -> str:
    own: str = bill["metadata"]["component"]["bom-ref"]
    return own


def _write(bill: dict[str, Any], parts: set[str], path: Path) -> None:
    components = [component for component in bill["components"] if component["bom-ref"] in parts]
    missing = sorted(parts - {component["bom-ref"] for component in components})
    if missing:
        raise StepFailed(f"listing the parts of {path.name} (not locked: {missing})", "Run `python3 dev lock`.")
    kept = {_own(bill), *parts}
    edges = [
        {**entry, "dependsOn": [ref for ref in entry["dependsOn"] if ref in parts]}
        for entry in bill["dependencies"]
        if entry["ref"] in kept
    ]
    # npm marks as optional what only a development package needs.
    listed = {**bill, "components": [{**part, "scope": "required"} for part in components], "dependencies": edges}
    path.write_text(json.dumps(listed, indent=2) + "\n", encoding="utf-8")
