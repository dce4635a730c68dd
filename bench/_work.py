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


def text_of(size: int, number: int) -> str:
    """A text of that many characters, another one for each number."""
    return f"{number:>{size}}"


def count_primes(limit: int) -> int:
    """By trial division: nothing but the interpreter's own work."""
    found = 0
    for candidate in range(2, limit):
        divisor = 2
        while divisor * divisor <= candidate and candidate % divisor:
            divisor += 1
        found += divisor * divisor > candidate
    return found
