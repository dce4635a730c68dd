"""The functions that the benchmarks run in workers: they must be importable there."""

from __future__ import annotations

import ctypes


def double(number: int) -> int:
    return number * 2


def spin() -> None:
    while True:
        pass


def hold_interpreter_lock() -> None:
    """Sleeps in C without letting go of the interpreter lock."""
    ctypes.PyDLL(None).sleep(30)
