"""Imports the user's modules into the template, once, so that every fork has them."""

from __future__ import annotations

import gc
import importlib
from collections.abc import Iterable
from typing import Any

from endstop.errorinfo import describe_exception
from endstop.worker import streams


def import_modules(names: Iterable[str]) -> list[dict[str, Any]]:
    """Imports each module in order; returns `{module, error}` for those that failed.

    `__main__` is left out: it is the host's program, and importing it would run it again.
    """
    failures = []
    for name in names:
        if name == "__main__":
            continue
        # A new folder or file on the path may have appeared since the last time.
        importlib.invalidate_caches()
        try:
            __import__(name)  # unlike importlib.import_module, it leaves no frames of the import system
        except BaseException as problem:  # a module may call sys.exit, which must not end the template
            if problem.__traceback__ is not None:
                problem.__traceback__ = problem.__traceback__.tb_next  # after this frame come the module's own
            failures.append({"module": name, "error": describe_exception(problem)})
        finally:
            streams.flush()
    return failures


def prepare_for_forks() -> None:
    """A collection in a fork would touch, and so copy, every page that it shares with the template."""
    gc.collect()
    gc.freeze()
