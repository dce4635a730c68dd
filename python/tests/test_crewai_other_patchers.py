"""Who else wraps CrewAI's methods works beside us, whoever comes first, and whoever goes first."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator

import pytest
from crewai.crew import Crew
from crewai.flow.runtime import Flow
from crewai.tools import BaseTool
from crewai.tools.base_tool import Tool
from crewai.tools.tool_usage import ToolUsage

from endstop.crewai import install, report, uninstall
from endstop.demo.scripted import Ask
from tests.support.crews import plain_crewai_afterwards, run_crew  # noqa: F401
from tests.support.other_patchers import PATCHERS, Patcher, Spans

TOOL_SPANS = {
    # A class tool on the native path, a class tool on the text path: as without us.
    "OpenInference": (1, 0),
    "Traceloop": (0, 0),
    "AgentOps": (0, 1),
    "OpenLIT": (1, 0),
}


class LookUp(BaseTool):
    name: str = "look up"
    description: str = "Looks a word up."
    bodies: int = 0

    def _run(self, word: str) -> str:
        self.bodies += 1
        return f"found {word}"


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test leaves around CrewAI's methods goes with it."""
    monkeypatch.setitem(os.environ, "OTEL_SDK_DISABLED", "false")
    places = [(Crew, "kickoff"), (Flow, "kickoff"), (BaseTool, "run"), (Tool, "run"), (ToolUsage, "use")]
    before = [vars(owner)[name] for owner, name in places]
    yield
    uninstall()
    for (owner, name), was in zip(places, before, strict=True):
        setattr(owner, name, was)


def one_call(path: str) -> int:
    """Kicks off a crew that makes one call. Returns the number of bodies."""
    look_up = LookUp()
    guarded = run_crew([look_up], [Ask("look_up", {"word": "x"}), "done"], path=path)
    assert guarded.answer == "done"
    return look_up.bodies


def spans_of_both_paths(spans: Spans) -> tuple[int, int]:
    """The spans of tools: on the native and on the text path. One body each."""
    counts = []
    for path in ("native", "text"):
        assert one_call(path) == 1
        of_tools, others = spans.take()
        assert others > 0
        counts.append(of_tools)
    return counts[0], counts[1]


@pytest.fixture(params=list(PATCHERS))
def patcher(request: pytest.FixtureRequest) -> tuple[str, Patcher]:
    return request.param, PATCHERS[request.param]()


def test_without_us_a_patcher_opens_these_spans(patcher: tuple[str, Patcher]) -> None:
    name, other = patcher
    spans = Spans()
    other.instrument(tracer_provider=spans.provider, skip_dep_check=True)
    try:
        assert spans_of_both_paths(spans) == TOOL_SPANS[name]
    finally:
        other.uninstrument()


def test_with_us_first_it_opens_the_same_spans_and_both_can_go_in_either_order(patcher: tuple[str, Patcher]) -> None:
    name, other = patcher
    for ours_goes_first in (True, False):
        spans = Spans()
        install(tools={"look up": {"max_calls": 5}})
        other.instrument(tracer_provider=spans.provider, skip_dep_check=True)
        assert spans_of_both_paths(spans) == TOOL_SPANS[name]
        assert (report().calls, report().bodies) == (2, 2)
        if ours_goes_first:
            uninstall()
            assert spans_of_both_paths(spans) == TOOL_SPANS[name]
            assert report().calls == 2, "what was uninstalled guards nothing"
            other.uninstrument()
        else:
            other.uninstrument()
            with warnings.catch_warnings():
                warnings.simplefilter("error", RuntimeWarning)
                assert one_call("native") == 1
            assert spans.take() == (0, 0)
            assert report().calls == 3, "we still guard"
            uninstall()


def test_with_us_second_it_opens_the_same_spans_and_goes_after_us(patcher: tuple[str, Patcher]) -> None:
    name, other = patcher
    spans = Spans()
    other.instrument(tracer_provider=spans.provider, skip_dep_check=True)
    install()
    assert spans_of_both_paths(spans) == TOOL_SPANS[name]
    assert (report().calls, report().bodies) == (2, 2)
    uninstall()
    other.uninstrument()


def test_openinference_that_goes_before_us_takes_ours_along_and_the_next_kickoff_mends_it_with_one_warning() -> None:
    spans, other = Spans(), PATCHERS["OpenInference"]()
    other.instrument(tracer_provider=spans.provider, skip_dep_check=True)
    install()
    other.uninstrument()
    # The kickoff is CrewAI's own again, ours went with theirs: what is left of ours notices it at the first request.
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert [one_call("native"), one_call("text")] == [1, 1]
    assert [str(each.message)[:37] for each in told if each.category is RuntimeWarning] == [
        "Somebody has put back what was there "
    ]
    assert (report().calls, report().bodies) == (2, 2)
    assert spans.take() == (0, 0)


# `ToolUsage.use`, which AgentOps wraps, is no seam of ours: there it does go.
@pytest.mark.parametrize(("name", "left"), [("Traceloop", (0, 0)), ("AgentOps", (0, 0)), ("OpenLIT", (1, 0))])
def test_opentelemetrys_unwrap_leaves_a_wrapper_under_ours_and_both_go_on(name: str, left: tuple[int, int]) -> None:
    spans, other = Spans(), PATCHERS[name]()
    other.instrument(tracer_provider=spans.provider, skip_dep_check=True)
    install()
    other.uninstrument()
    assert spans_of_both_paths(spans) == left, "unwrap() takes away what is outermost, and that is ours"
    assert report().calls == 2
