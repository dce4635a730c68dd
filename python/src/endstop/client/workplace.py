"""The private directories of this process: for the engine's journals, and those that killed engines left behind."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

from endstop.client.journal import ENDING, journal_of

if sys.platform != "win32":
    import fcntl

# Nothing else is ever removed.
_PREFIX = "endstop-"


class Workplace:
    """`lost`: directories of engines that are lost; the next engine reads them and removes them."""

    def __init__(self) -> None:
        self.lost: list[str] = []
        self.sessions: set[str] = set()
        """Those that have not ended."""
        self.key = os.urandom(32).hex()
        """What engines hash with what is short enough to be guessed; written nowhere."""
        self._directory: str | None = None
        self._held: int | None = None

    def keyed(self, digest: str) -> str:
        """A digest as the engine writes it down and tells it."""
        hashed = hashlib.sha256(f"{self.key}{digest}".encode()).digest()
        return base64.urlsafe_b64encode(hashed).decode().rstrip("=")

    def directory(self) -> str | None:
        """Made at the first call. None if it cannot be made: then an engine that is lost is not remembered."""
        if self._directory is None or not os.path.isdir(self._directory):
            try:
                self._directory = tempfile.mkdtemp(prefix=_PREFIX, dir=os.environ.get("ENDSTOP_TMPDIR") or None)
                self._hold(self._directory)
            except OSError:
                self._directory = None
        return self._directory

    def _hold(self, directory: str) -> None:
        """Those who remove files by their age (systemd-tmpfiles) leave a directory alone that somebody has locked."""
        self._release()
        if sys.platform == "win32":
            return
        with contextlib.suppress(OSError):
            self._held = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(self._held, fcntl.LOCK_SH | fcntl.LOCK_NB)

    def _release(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            os.close(held)

    def remove(self) -> None:
        """What is there now. A directory with open files stays, where the system wants it so."""
        for directory in [*self.lost, self._directory]:
            if directory is not None and os.path.basename(directory).startswith(_PREFIX):
                shutil.rmtree(directory, ignore_errors=True)
        self._release()

    def remove_journals(self, session: str) -> None:
        """Those of a session that no engine will be asked about any more."""
        if self._directory is None:
            return
        own = journal_of(self._directory, session)
        for path in (own, *own.parent.glob(f"{own.name.removesuffix(ENDING)}.*{ENDING}")):
            with contextlib.suppress(OSError):
                path.unlink()

    def remove_others(self) -> None:
        """Journals of sessions that have ended: an engine that is lost may not have heard of it."""
        if self._directory is None:
            return
        written = {path.name.split(".")[0] for path in Path(self._directory).glob(f"*{ENDING}")}
        for session in written - self.sessions:
            self.remove_journals(session)

    def forget(self) -> None:
        """In a forked child: they belong to the parent."""
        self._release()
        self.lost = []
        self._directory = None
