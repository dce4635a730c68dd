"""What a call in a Node worker costs, with 1 and 4 callers, beside `workerpool` with processes and a bare child."""

from __future__ import annotations

from _measuring import machine
from _node import run_node

if __name__ == "__main__":
    print(machine(), flush=True)
    run_node("bench/node-worker-call.ts")
