"""The Python that workers run: this process's own, if it is one that can be started again."""

from __future__ import annotations

import os
import re
import sys
from typing import Any

_ADVICE = "Workers need a program that a Python runs; keep the tool on the host, or give it to such a program"
_OWN_THREADS = "/proc/self/task"
_PYTHON = re.compile(r"(python|pypy|graalpy)[\w.\-]*(\.exe)?", re.IGNORECASE)


def interpreter() -> dict[str, Any]:
    """For the engine: `executable`, or null with `refusal`, the reason.

    What is no Python would be this very program: started as a worker, it would do its work once more.
    """
    executable = sys.executable
    if getattr(sys, "frozen", False) or "__compiled__" in vars(sys.modules["__main__"]):
        return _refused(f"this program is frozen, and {executable or 'its file'} is no Python. {_ADVICE}")
    if not executable:
        return _refused(f"sys.executable is empty: this program embeds Python. {_ADVICE}")
    if _PYTHON.fullmatch(os.path.basename(executable)) is None:
        # A link to a Python may have any name.
        real = os.path.basename(os.path.realpath(executable))
        if _PYTHON.fullmatch(real) is None:
            return _refused(f"sys.executable is {executable}, which is no Python. {_ADVICE}")
    if sys.platform == "linux" and not os.path.isdir(_OWN_THREADS):
        return _refused(
            "/proc is not mounted: nothing could find, and end, what a body in a worker leaves behind. "
            "Mount it, or keep the tool on the host"
        )
    return {"executable": executable}


def search_path() -> bytes:
    """`sys.path` as the engine hands it on: bytes, each entry ended by a zero."""
    entries = [os.fsencode(entry) for entry in sys.path if isinstance(entry, str)]
    return b"".join(entry + b"\0" for entry in entries if b"\0" not in entry)


def _refused(reason: str) -> dict[str, Any]:
    return {"executable": None, "refusal": reason}
