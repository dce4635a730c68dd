"""Others who wrap CrewAI's methods: two of them themselves, two as stand-ins that wrap the same methods likewise.

The stand-ins are for AgentOps 0.4.21 and OpenLIT 1.45.0, whose packages pull in much: they use the same
`wrapt.wrap_function_wrapper` on the same attributes, and OpenTelemetry's own `unwrap`, as those do, and open a span.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from openinference.instrumentation.crewai import CrewAIInstrumentor as OpenInference
from opentelemetry.instrumentation.crewai import CrewAIInstrumentor as Traceloop
from opentelemetry.instrumentation.utils import unwrap
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from wrapt import wrap_function_wrapper


class Patcher(Protocol):
    def instrument(self, **options: Any) -> Any: ...

    def uninstrument(self, **options: Any) -> Any: ...


class StandIn:
    """Wraps and unwraps `places`: module, attribute of a class in it, and the name of the span."""

    places: tuple[tuple[str, str, str], ...] = ()

    def instrument(self, *, tracer_provider: TracerProvider, **_options: Any) -> None:
        tracer = tracer_provider.get_tracer(__name__)

        def opening(span: str) -> Callable[..., Any]:
            def wrapper(wrapped: Any, _instance: Any, args: Any, kwargs: Any) -> Any:
                with tracer.start_as_current_span(span):
                    return wrapped(*args, **kwargs)

            return wrapper

        for module, attribute, span in self.places:
            wrap_function_wrapper(module, attribute, opening(span))

    def uninstrument(self, **_options: Any) -> None:
        for module, attribute, _ in self.places:
            owner, name = attribute.rsplit(".", 1)
            unwrap(f"{module}.{owner}", name)


class AgentOps(StandIn):
    places = (
        ("crewai.crew", "Crew.kickoff", "workflow"),
        ("crewai.agent", "Agent.execute_task", "agent"),
        ("crewai.task", "Task.execute_sync", "task"),
        ("crewai.tools.tool_usage", "ToolUsage.use", "tool"),
    )


class OpenLIT(StandIn):
    places = (
        ("crewai.crew", "Crew.kickoff", "workflow"),
        ("crewai.task", "Task._execute_core", "task"),
        ("crewai.tools.base_tool", "BaseTool.run", "tool"),
        ("crewai.flow.flow", "Flow.kickoff", "workflow"),
    )


PATCHERS: dict[str, Callable[[], Patcher]] = {
    "OpenInference": OpenInference,
    "Traceloop": Traceloop,
    "AgentOps": AgentOps,
    "OpenLIT": OpenLIT,
}


class Spans:
    """What a patcher has told."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))

    def take(self) -> tuple[int, int]:
        """How many there were of tools, and how many of anything else; they are forgotten."""
        names = [span.name for span in self._exporter.get_finished_spans()]
        kinds = [(span.attributes or {}).get("openinference.span.kind") for span in self._exporter.get_finished_spans()]
        self._exporter.clear()
        of_tools = sum(name == "tool" or kind == "TOOL" for name, kind in zip(names, kinds, strict=True))
        return of_tools, len(names) - of_tools
