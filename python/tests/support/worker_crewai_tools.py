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


class SlowToPickle:
    """Takes its time where it is pickled."""

    def __reduce__(self) -> Any:
        time.sleep(2)
        return str, ()


class HoldingSlowToPickle(BaseTool):
    """Holds something whose pickling takes 2 s."""

    name: str = "slow to pickle"
    description: str = "Holds a part."
    part: Any = None

    def model_post_init(self, context: Any) -> None:
        super().model_post_init(context)
        self.part = SlowToPickle()

    def _run(self) -> str:
        return "held"
