"""A call of `ToolExecutor` before the engine has decided on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from endstop.client.movable import CannotMove
from endstop.client.submission import CallRequest
from endstop.client.tools import Misfit, RegisteredTool
from endstop.errorinfo import bounded_detail
from endstop.errors import EngineError


@dataclass(slots=True)
class PreparedCall:
    """A call with all that can be told before the engine has decided. `arguments` become those that fit."""

    tool: RegisteredTool | None
    arguments: dict[str, Any]
    request: CallRequest
    refusal: dict[str, Any] | None = None
    """The ending of an admitted call whose body cannot run."""

    def fit(self, *, in_worker: bool) -> None:
        """The model's input stays what is compared; the body gets what the tool's schema made of it."""
        assert self.tool is not None
        try:
            self.arguments = self.tool.fitting(self.arguments)
            if in_worker:
                self.request.load = self.tool.movable()
                self.request.kwargs = self.arguments
        except Misfit as problem:
            self.refusal = {"type": "invalid", "detail": bounded_detail(str(problem))}
        except CannotMove as problem:
            self.refusal = {"type": "cannot-move", "detail": bounded_detail(problem.detail), "started": False}

    def body(self) -> Any:
        return self._known_tool().call(self.arguments)

    @property
    def async_body(self) -> Any:
        return self._known_tool().async_call(self.arguments)

    def _known_tool(self) -> RegisteredTool:
        if self.tool is None:
            raise EngineError("defect", "the engine admitted a tool that this executor does not have")
        return self.tool
