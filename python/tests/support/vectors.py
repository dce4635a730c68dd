"""The golden vectors that the engine's tests read, too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parents[3] / "protocol" / "vectors"


def vectors(name: str) -> list[dict[str, Any]]:
    return list(json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8")))
