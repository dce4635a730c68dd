"""A call of `ToolExecutor` before the engine has decided on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from endstop.client.movable import CannotMove, Movable, is_flat
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
    in_worker: bool = False
    refusal: dict[str, Any] | None = None
    """The ending of an admitted call whose body cannot run."""

    def fit(self, *, in_worker: bool) -> None:
        """The model's input stays what is compared; the body gets what the tool's schema made of it."""
        assert self.tool is not None
        self.in_worker = in_worker
        # Where code of the tool's author runs first, it runs as the body does, under the call's deadline.
        if self.tool.validates or (in_worker and not (self.tool.has_moved and is_flat(self.arguments.values()))):
            return
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
        tool = self._known_tool()
        return tool.call(tool.fitting(self.arguments) if tool.validates else self.arguments)

    @property
    def async_body(self) -> Any:
        tool = self._known_tool()
        if not tool.validates:
            return tool.async_call(self.arguments)
        # A plain function: the validators run on a thread, what it returns is awaited.
        return lambda: tool.async_call(tool.fitting(self.arguments))()

    def moving(self) -> tuple[Movable, tuple[Any, ...], dict[str, Any]]:
        """The tool and its arguments, to be sent. Raises Misfit, CannotMove, and what the tool's own code raises."""
        tool = self._known_tool()
        return tool.movable(), (), tool.fitting(self.arguments)

    def _known_tool(self) -> RegisteredTool:
        if self.tool is None:
            raise EngineError("defect", "the engine admitted a tool that this executor does not have")
        return self.tool
