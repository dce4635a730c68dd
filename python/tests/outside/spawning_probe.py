"""The same body in a module that starts a thread at its import: the template then spawns its workers."""

from __future__ import annotations

import sys
import threading
from typing import Any

from tests.outside.probe import probe as _probe

if "pytest" not in sys.modules:
    threading.Thread(target=threading.Event().wait, name="makes a fork unsafe", daemon=True).start()


def probe(do: str, log: str = "", value: Any = None) -> Any:
    """Does what `do` says."""
    return _probe(do, log, value)
