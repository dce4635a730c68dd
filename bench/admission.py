"""What it costs to admit a call with every guard on, at 10 to 100,000 calls of history, and cockatiel's policies."""

from __future__ import annotations

from _measuring import machine
from _node import run_node

if __name__ == "__main__":
    print(machine(), flush=True)
    run_node("bench/admission.ts")
