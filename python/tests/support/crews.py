"""Real crews with scripted models, for tests. Import this before crewai: it keeps crewai off the network."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ.update(
    CREWAI_DISABLE_TELEMETRY="true",
    CREWAI_DISABLE_TRACKING="true",
    CREWAI_TRACING_ENABLED="false",
    CREWAI_TESTING="true",
    OTEL_SDK_DISABLED="true",
)
# Not among the temporary files: CrewAI keeps its files open, so that nothing could safely remove them at the end, and
# names a lock file, which it leaves, after this folder.
os.environ.setdefault("CREWAI_STORAGE_DIR", str(Path(__file__).parents[2] / ".pytest_cache" / "crewai"))

import pytest
from crewai import Agent, Crew, Task
from crewai.events.event_bus import crewai_event_bus
from crewai.events.types.tool_usage_events import (
    ToolFailureDetectedEvent,
    ToolUsageErrorEvent,
    ToolUsageFinishedEvent,
    ToolUsageStartedEvent,
)

import endstop.crewai
from endstop.demo.scripted import Script, ScriptedLLM

PATHS = ["native", "text"]
"""The two ways in which a crew's model asks for tools."""


@pytest.fixture(autouse=True)
def plain_crewai_afterwards() -> Iterator[None]:
    """No test leaves an installation behind. Import it into a test module to have it."""
    yield
    endstop.crewai.uninstall()


@dataclass
class Told:
    """What CrewAI told its event bus about tools, by kind."""

    started: list[Any] = field(default_factory=list)
    finished: list[Any] = field(default_factory=list)
    errors: list[Any] = field(default_factory=list)
    failures: list[Any] = field(default_factory=list)


@dataclass
class Result:
    """One kickoff, from outside."""

    answer: str
    model_calls: int
    told: Told
    messages: list[dict[str, Any]]
    tools_errors: int
    tool_failures: list[Any]

    @property
    def tool_failures_seen(self) -> list[tuple[str, Any]]:
        """Tool and failure of each record of the task, without what differs from run to run."""
        return [(record.tool_name, record.failure) for record in self.tool_failures]

    @property
    def events_seen(self) -> dict[str, list[Any]]:
        """What a listener heard, without what differs from run to run."""
        return {
            "started": [(event.tool_name, event.tool_args) for event in self.told.started],
            "finished": [(event.tool_name, event.tool_args, event.output) for event in self.told.finished],
            "errors": [(event.tool_name, str(event.error)) for event in self.told.errors],
            "failures": [(event.tool_name, event.failure) for event in self.told.failures],
        }

    @property
    def tool_texts(self) -> list[str]:
        """What the model read as results of its tools, in order."""
        texts = []
        for message in self.messages:
            content = str(message.get("content") or "")
            if message.get("role") == "tool":
                texts.append(content)
            elif message.get("role") == "assistant" and "\nObservation:" in content:
                texts.append(content.split("\nObservation:", 1)[1].strip())
        return texts


def run_crew(tools: list[Any], script: Script, *, path: str = "native", **agent: Any) -> Result:
    """Kicks a crew of one agent and one task off and tells what happened."""
    crew, model = make_crew(tools, script, path=path, **agent)
    with listening() as told:
        output = crew.kickoff()
    task = crew.tasks[0]
    return Result(
        answer=output.raw,
        model_calls=model.calls,
        told=told,
        messages=model.last_messages,
        tools_errors=task.tools_errors,
        tool_failures=list(task.output.tool_failures),
    )


def make_crew(tools: list[Any], script: Script, *, path: str = "native", **agent: Any) -> tuple[Crew, ScriptedLLM]:
    """A crew of one agent and one task, and its model."""
    model = ScriptedLLM.following(script, native=path == "native")
    member = make_agent(tools, model, **agent)
    task = Task(description="Do it.", expected_output="What came of it.", agent=member)
    return Crew(agents=[member], tasks=[task], verbose=False), model


def make_agent(tools: list[Any], model: ScriptedLLM, **options: Any) -> Agent:
    """An agent that uses the tools and the model."""
    return Agent(role="Tester", goal="test", backstory="tests", llm=model, tools=tools, verbose=False, **options)


def _appending_to(events: list[Any]) -> Callable[[Any, Any], None]:
    def handler(_source: Any, event: Any) -> None:
        events.append(event)

    return handler


@contextmanager
def listening() -> Iterator[Told]:
    """Collects CrewAI's events about tools."""
    told = Told()
    kinds = (
        (ToolUsageStartedEvent, told.started),
        (ToolUsageFinishedEvent, told.finished),
        (ToolUsageErrorEvent, told.errors),
        (ToolFailureDetectedEvent, told.failures),
    )
    with crewai_event_bus.scoped_handlers():
        for kind, events in kinds:
            crewai_event_bus.on(kind)(_appending_to(events))
        yield told
        crewai_event_bus.flush()
