"""What it costs to decide who runs next, what a waiting call weighs, and what a cached result costs."""

from __future__ import annotations

from _measuring import machine
from _node import run_node

if __name__ == "__main__":
    print(machine(), flush=True)
    run_node("bench/schedule.ts")
