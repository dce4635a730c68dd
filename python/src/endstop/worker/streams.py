"""The host's standard streams, as template and workers use them: nothing that is printed waits in a buffer."""

from __future__ import annotations

import io
import os
import sys


def make_live() -> None:
    """Lines appear as they are printed, also where the stream is a pipe; reading standard input finds its end."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)
    null = os.open(os.devnull, os.O_RDONLY)
    if null != 0:
        os.dup2(null, 0)
        os.close(null)


def flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        # A tool may have closed or replaced it, or the reader is gone: then there is no one to tell.
        if stream is not None:
            try:  # noqa: SIM105 - runs with each call, and `suppress` costs as much as the flush
                stream.flush()
            except (OSError, ValueError, AttributeError):
                pass
