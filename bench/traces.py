"""False alarms and missed loops on generated agent histories, under each preset. Takes --seed and --histories."""

from __future__ import annotations

import sys

from _node import run_node

if __name__ == "__main__":
    run_node("test/traces/main.ts", *sys.argv[1:])
