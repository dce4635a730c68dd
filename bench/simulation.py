"""A million simulated calls through the parts that decide: exits 1 if a promise is broken. Takes --seed and --calls."""

from __future__ import annotations

import sys

from _node import run_node

if __name__ == "__main__":
    run_node("test/simulation/main.ts", *sys.argv[1:])
