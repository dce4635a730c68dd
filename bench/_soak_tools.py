"""The mixed load of `dev soak`: what each tool does, how often, and which outcomes are its own."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


def add(a: int, b: int) -> int:
    return a + b


def nap(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def compute(rounds: int) -> int:
    return sum(number * number for number in range(rounds))


def text(size: int) -> str:
    return "x" * size


def fail(number: int) -> None:
    raise ValueError(f"failure {number}")


def spin(number: int) -> None:
    while True:
        number += 1


def crash(number: int) -> None:
    os._exit(number % 256)


def leave_a_child(number: int) -> int:
    return subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(30)"]).pid + 0 * number


def host_nap(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


async def wait_in_a_loop(seconds: float) -> float:
    await asyncio.sleep(seconds)
    return seconds


def become_another_program() -> None:
    os.execv("/bin/sleep", ["sleep", "60"])


def close_all_descriptors() -> None:
    os.closerange(0, 65_536)
    while True:
        time.sleep(1)


def note(folder: str, tool: str, key: int) -> None:
    """One line for each body that ran."""
    with open(os.path.join(folder, tool), "a", encoding="utf-8") as file:
        file.write(f"{key}\n")


@dataclass(frozen=True)
class Tool:
    body: Callable[..., Any]
    weight: float
    arguments: Callable[[random.Random], dict[str, Any]]
    expected: frozenset[str] = frozenset({"succeeded"})
    limit_s: float = 10.0
    wait_s: float = 0.0
    """For its turn, which the limit does not bound."""
    in_worker: bool = True

    @property
    def name(self) -> str:
        return self.body.__name__


def _number(choices: random.Random) -> dict[str, Any]:
    return {"number": choices.randrange(10**9)}


TOOLS = (
    Tool(add, 40, lambda choices: {"a": choices.randrange(10**6), "b": 1}),
    Tool(nap, 10, lambda choices: {"seconds": choices.random() / 50}),
    Tool(compute, 10, lambda choices: {"rounds": choices.randrange(100_000)}),
    Tool(text, 5, lambda choices: {"size": choices.choice((10, 10_000, 1_000_000, 5_000_000))}),
    Tool(fail, 5, _number, frozenset({"tool-error"})),
    # On a busy machine the limit can pass before the body has begun.
    Tool(spin, 2, _number, frozenset({"timed-out", "wait-timed-out"}), limit_s=0.1),
    Tool(crash, 2, _number, frozenset({"worker-crashed"})),
    Tool(leave_a_child, 1, _number),
    Tool(host_nap, 10, lambda choices: {"seconds": choices.random() / 100}, in_worker=False),
)

SILENT = Tool(wait_in_a_loop, 0, lambda _: {"seconds": 0}, limit_s=0.3, wait_s=5.0, in_worker=False)
"""For a loop that is stopped with a call in it."""
CRASHED = frozenset({"worker-crashed"})
HARMFUL = {
    "become another program": Tool(become_another_program, 0, lambda _: {}, CRASHED),
    "close all descriptors": Tool(close_all_descriptors, 0, lambda _: {}, CRASHED),
}
