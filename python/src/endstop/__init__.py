"""Every tool call of an AI agent ends: on time, inside its limits, and with an answer that says what happened."""

from endstop._version import __version__
from endstop.client.executor import ToolExecutor
from endstop.errors import EngineError, ToolCallError
from endstop.host.stuck import StuckBody, stuck_bodies
from endstop.outcome import ErrorInfo, Failure, Outcome

__all__ = [
    "EngineError", "ErrorInfo", "Failure", "Outcome", "StuckBody", "ToolCallError", "ToolExecutor", "__version__",
    "stuck_bodies",
]  # fmt: skip
