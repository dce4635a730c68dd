"""A model that follows a script: no network, no key, and the same answers each time."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crewai.llms.base_llm import BaseLLM
from pydantic import PrivateAttr


@dataclass(frozen=True, slots=True)
class Ask:
    """The model asks for a tool, by the name that the crew shows it."""

    tool: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


Step = Ask | Sequence[Ask] | str
"""What the model answers to one call: a tool, several at once (native function calls only), or its final answer."""

Script = Sequence[Step] | Callable[[int, list[dict[str, Any]]], Step]
"""The steps in order, the last one for ever; or a function of the number of the call (from 1) and the messages."""


class ScriptedLLM(BaseLLM):
    """Answers by its script, as native function calls or, with `native=False`, as ReAct text.

    `calls` counts how often the model was asked. When CrewAI asks without offering tools (it wants a final answer), a
    step that asks for a tool becomes the text `closing`. Threads may ask at once.
    """

    llm_type: str = "scripted"
    model: str = "scripted"
    provider: str = "scripted"
    native: bool = True
    script: Any = None
    closing: str = "That is all I know."
    _calls: int = PrivateAttr(default=0)
    _seen: list[list[dict[str, Any]]] = PrivateAttr(default_factory=list)
    _lock: Any = PrivateAttr(default_factory=threading.Lock)

    @classmethod
    def following(cls, script: Script, *, native: bool = True) -> ScriptedLLM:
        """A model that follows the script."""
        return cls(model="scripted", script=script, native=native)

    @property
    def calls(self) -> int:
        """How often the model was asked."""
        return self._calls

    @property
    def last_messages(self) -> list[dict[str, Any]]:
        """The messages of the latest call."""
        return self._seen[-1]

    def supports_function_calling(self) -> bool:
        return self.native

    def supports_stop_words(self) -> bool:
        return False

    def get_context_window_size(self) -> int:
        """So large that CrewAI never asks the model for a summary, which would use up a step."""
        return 10_000_000

    def get_input_tokens_count(self, messages: Any, tools: Any = None, response_model: Any = None) -> int:
        """CrewAI's own estimate, without its warning that it is one."""
        texts = [messages] if isinstance(messages, str) else [str(message.get("content") or "") for message in messages]
        return (sum(map(len, texts)) + 3) // 4

    def call(self, messages: Any, tools: Any = None, *args: Any, **kwargs: Any) -> Any:
        seen = [{"role": "user", "content": messages}] if isinstance(messages, str) else [dict(m) for m in messages]
        with self._lock:
            self._calls += 1
            number = self._calls
            self._seen = [seen]
        step = self._step(number, seen)
        if isinstance(step, str):
            return step if self.native else f"Thought: I know enough.\nFinal Answer: {step}"
        if not self.native:
            return _react_text(step)
        asks = [step] if isinstance(step, Ask) else list(step)
        return (
            [_function_call(ask, f"call-{number}-{index}") for index, ask in enumerate(asks)] if tools else self.closing
        )

    async def acall(self, messages: Any, tools: Any = None, *args: Any, **kwargs: Any) -> Any:
        return self.call(messages, tools, *args, **kwargs)

    def _step(self, number: int, messages: list[dict[str, Any]]) -> Step:
        if callable(self.script):
            return self.script(number, messages)  # type: ignore[no-any-return]
        return self.script[min(number, len(self.script)) - 1]  # type: ignore[no-any-return]


def _react_text(step: Ask | Sequence[Ask]) -> str:
    if not isinstance(step, Ask):
        raise TypeError(f"a model without native function calls asks for one tool at a time, got {step!r}")
    return f"Thought: I need {step.tool}.\nAction: {step.tool}\nAction Input: {json.dumps(dict(step.arguments))}"


def _function_call(ask: Ask, call_id: str) -> dict[str, Any]:
    arguments = json.dumps(dict(ask.arguments))
    return {"id": call_id, "type": "function", "function": {"name": ask.tool, "arguments": arguments}}
