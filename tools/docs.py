"""`dev docs`: the documentation site, from the Markdown that is read on the forge and the sources' own comments."""

from __future__ import annotations

import shutil

from tools.environment import PACKAGE, PYTHON, install_node_packages, node, node_environment
from tools.steps import ROOT, run, say

DOCS = ROOT / "docs"
PAGES = DOCS / "pages"
"""Copies of all pages, at their places in the checkout: the site's builder looks for its own packages above them."""
API = PAGES / "docs" / "api"
FOLDERS = ("docs", "bench", "protocol")
SITE = ROOT / "dist" / "docs"


def docs() -> None:
    """Writes dist/docs: static files with a search. Raises StepFailed for a link that leads nowhere."""
    install_node_packages(DOCS)
    shutil.rmtree(PAGES, ignore_errors=True)
    API.mkdir(parents=True)
    for page in (*ROOT.glob("*.md"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.md"))):
        if "node_modules" not in page.parts and PAGES not in page.parents:
            copy = PAGES / page.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(page, copy)
    environment = node_environment()
    hint = "Correct the page or the comment that is named above, then run the same command again."
    typedoc = [node(), DOCS / "node_modules" / "typedoc" / "bin" / "typedoc"]
    run(
        "describing the TypeScript API (typedoc)",
        [*typedoc, "--logLevel", "Error"],
        hint=hint,
        cwd=DOCS,
        env=environment,
    )
    describe = [PYTHON, ROOT / "tools" / "python_api.py", PACKAGE / "src", API / "python.md"]
    run("describing the Python API (griffe)", describe, hint=hint)
    vitepress = [node(), DOCS / "node_modules" / "vitepress" / "bin" / "vitepress.js"]
    run("building the site (vitepress)", [*vitepress, "build", "."], hint=hint, cwd=DOCS, env=environment, quiet=True)
    say(f"the site is in {SITE.relative_to(ROOT)}; to read it: python3 -m http.server --directory dist/docs")
