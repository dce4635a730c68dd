"""What 10,000 calls at once take and weigh in one TypeScript engine."""

from __future__ import annotations

from _measuring import machine
from _node import run_node

if __name__ == "__main__":
    print(machine(), flush=True)
    run_node("bench/concurrent-calls.ts")
