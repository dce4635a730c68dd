"""What 10,000 to 300,000 calls at once take in one TypeScript engine, and what one of them weighs."""

from __future__ import annotations

from _measuring import machine
from _node import run_node

if __name__ == "__main__":
    print(machine(), flush=True)
    run_node("bench/concurrent-calls.ts")
    run_node("bench/many-calls.ts")
