"""CrewAI tools that workers import by name."""

from __future__ import annotations

import os
import time
from typing import Any

from crewai.tools import BaseTool


class ProcessId(BaseTool):
    """Tells where it runs."""

    name: str = "process id"
    description: str = "Tells the process id."

    def _run(self) -> str:
        return str(os.getpid())


class Sleeping(BaseTool):
    """Sleeps."""

    name: str = "sleeping"
    description: str = "Sleeps."

    def _run(self, seconds: float) -> str:
        time.sleep(seconds)
        return "woke up"


class Holding(BaseTool):
    """Holds something that no pickle can carry."""

    name: str = "holding"
    description: str = "Holds a client."
    client: Any = None

    def model_post_init(self, context: Any) -> None:
        super().model_post_init(context)
        self.client = (part for part in ())

    def _run(self) -> str:
        return "held"
