"""Has the template started from which workers are forked, while the model still thinks about its first tool."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Iterable, Mapping
from typing import Any

from endstop import frames
from endstop.client.connection import ChannelLost
from endstop.client.debugging import debugging
from endstop.client.session import Session
from endstop.errors import EngineError

# Nothing is called by the key of an empty body. CrewAI itself is not imported there: that takes seconds, for which a
# function that does without it would have to wait.
_LOAD = {"type": "load", "key": hashlib.sha256(b"").hexdigest(), "modules": []}


class WarmUp:
    """Of one session's template, once a process. It needs one if one of the policies places a tool in a worker."""

    def __init__(self, session: Session, policies: Iterable[Mapping[str, Any]]) -> None:
        self._session = session
        self._is_needed = hasattr(os, "fork") and any(policy.get("placement") == "worker" for policy in policies)
        self._begun_in: int | None = None
        """The process: a forked one has an engine of its own."""

    def begin(self) -> None:
        """Starts the engine and has it start the template, without waiting for either."""
        if self._is_needed and self._begun_in != os.getpid() and not debugging():
            self._begun_in = os.getpid()
            threading.Thread(target=self._tell, name="endstop-warm-up", daemon=True).start()

    def _tell(self) -> None:
        # The first call tries again, and tells what is wrong.
        with contextlib.suppress(EngineError, ChannelLost):
            self._session.connection().send(frames.encode(_LOAD, b""))
