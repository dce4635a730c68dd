"""Writes the Markdown page of the Python API from signatures and docstrings; imports nothing of what it describes."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import griffe
from griffe2md import render_object_docs  # type: ignore[import-untyped]

MODULES = ("endstop", "endstop.crewai")
CONFIG = {
    "heading_level": 3,
    "members_order": "source",
    "separate_signature": True,
    "show_signature_annotations": True,
    "show_root_full_path": False,
    "show_object_full_path": False,
    "summary": False,
}


def page(sources: Path) -> str:
    """All that the modules export, in their own order."""
    package = griffe.load("endstop", search_paths=[sources], resolve_aliases=True)
    parts = ["# Python API\n"]
    for module in MODULES:
        loaded = package if module == "endstop" else package[module.partition(".")[2]]
        parts.append(f"## {module}\n\n{loaded.docstring.value if loaded.docstring else ''}\n")
        names = [str(name) for name in loaded.exports or ()]
        parts += [_rendered(loaded[name]) for name in names if not name.startswith("__")]
    return "\n".join(parts)


def _rendered(exported: griffe.Object | griffe.Alias) -> str:
    described = exported.final_target if isinstance(exported, griffe.Alias) else exported
    if described.is_module:  # a function of the same name hides it
        described = described[described.name]
    text = render_object_docs(described, CONFIG)
    text = re.sub(r"^(#+) `[\w.]*\.(\w+)`$", r"\1 `\2`", text, flags=re.MULTILINE)
    # An attribute of which nothing is said stands in its class's signature already.
    text = re.sub(r"^#### .*\n\n```python\n.*\n```\n(?=\n*(#|\Z))", "", text, flags=re.MULTILINE)
    # Anchors and placeholders such as <name> in docstrings would be read as elements.
    return re.sub(r"<(?!/?code>|/?a\b)(?=[a-zA-Z/])(?![^`\n]*`)", "&lt;", text)


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(page(Path(sys.argv[1])), encoding="utf-8")
