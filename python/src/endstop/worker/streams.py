"""The host's standard streams, as template and workers use them: nothing that is printed waits in a buffer."""

from __future__ import annotations

import fcntl
import io
import os
import sys

from endstop.worker.descriptors import LOWEST_DESCRIPTOR

_host_output = -1


def set_up() -> None:
    """Done first, with the host's standard output as descriptor 1: that is kept, and prints go to standard error.

    The host's standard output may be a protocol's. Lines appear as they are printed, also where the stream is a pipe;
    reading standard input finds its end.
    """
    global _host_output
    _host_output = fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, LOWEST_DESCRIPTOR)
    os.dup2(2, 1)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)
    null = os.open(os.devnull, os.O_RDONLY)
    if null != 0:
        os.dup2(null, 0)
        os.close(null)


def print_to_stdout() -> None:
    """For one call, after which standard error is put back. Raises OSError if a body has closed what leads there."""
    os.dup2(_host_output, 1)


def host_output() -> int:
    """For a process that is no fork: its descriptor 1."""
    return _host_output


def flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        # A tool may have closed or replaced it, or the reader is gone: then there is no one to tell.
        if stream is not None:
            try:  # noqa: SIM105 - runs with each call, and `suppress` costs as much as the flush
                stream.flush()
            except (OSError, ValueError, AttributeError):
                pass
