"""The bodies of the bad tools. This module imports nothing of CrewAI, so that a worker is ready at once."""

from __future__ import annotations

import ctypes
import socket
import sys

from endstop.demo.tally import note

POLLS_UNTIL_DONE = 50
_polls = 0


def read_socket(port: int) -> str:
    """Reads what a server on this machine has to say."""
    note("body")
    with socket.create_connection(("127.0.0.1", port)) as connection:
        return connection.recv(1024).decode()


def count_up(start: int) -> str:
    """Counts up from a number."""
    note("body")
    while True:
        start += 1


def compress(level: int) -> str:
    """Compresses the archive in C code that keeps the interpreter lock."""
    note("body")
    if sys.platform == "win32":
        ctypes.PyDLL("kernel32").Sleep(600_000)
    else:
        ctypes.PyDLL(None).sleep(600)
    return f"compressed at level {level}"


def charge_card(cents: int) -> str:
    """Charges the customer's card."""
    note("body")
    raise ConnectionError(f"charged {cents} cents, but the receipt did not arrive")


def search(query: str) -> str:
    """Searches the archive."""
    note("body")
    return "0 results"


def job_status(job: str) -> str:
    """Says how far a job is."""
    global _polls
    note("body")
    _polls += 1
    return f"{job}: {_polls} of {POLLS_UNTIL_DONE} done"


def weather(city: str) -> str:
    """Says how the weather is."""
    note("body")
    return f"{city}: 21 degrees"
