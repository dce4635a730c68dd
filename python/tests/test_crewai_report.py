"""`report()` tells what CrewAI's tool calls came to."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from crewai.tools import tool

import endstop.crewai
from endstop import EngineError, ToolCallError
from endstop.client.engine import SharedEngine
from endstop.crewai.tally import MAX_STOPS, MAX_TOOLS, REST, Durations, Tally
from endstop.crewai.timing import Timing
from endstop.demo.scripted import Ask
from tests.support.crews import PATHS, plain_crewai_afterwards, run_crew  # noqa: F401

each_path = pytest.mark.parametrize("path", PATHS)


@tool("look up")
def look_up(word: str) -> str:
    """Looks a word up, or fails."""
    if word == "bad":
        raise ValueError("no such word")
    time.sleep(0.03)
    return f"found {word}"


@each_path
def test_calls_bodies_outcomes_times_and_stops_are_told_by_tool(path: str) -> None:
    endstop.crewai.install(tools={"look up": {"max_calls": 3}})
    words = ["a", "b", "bad", "c"]
    run_crew([look_up], [*[Ask("look_up", {"word": word}) for word in words], "done"], path=path, cache=False)
    endstop.crewai.uninstall()
    report = endstop.crewai.report()
    assert (report.calls, report.bodies) == (4, 3)
    assert report.outcomes == {"succeeded": 2, "tool-error": 1, "usage-limit": 1}
    (stop,) = report.stopped
    assert (stop.tool, stop.code) == ("look_up", "usage-limit")
    assert "the limit is 3 calls" in stop.message
    assert 60 <= report.time_in_tools_ms < 5_000
    assert 0 < report.overhead_ms < 5_000
    figures = report.tools["look_up"].body_ms
    assert figures.p50 <= figures.p95 <= figures.max
    assert figures.max >= 30
    assert report.fallback is None


@each_path
def test_an_answer_from_crewais_cache_is_a_call_without_a_body(path: str) -> None:
    endstop.crewai.install()
    run_crew([look_up], [Ask("look_up", {"word": "a"}), Ask("look_up", {"word": "a"}), "done"], path=path, cache=True)
    report = endstop.crewai.report()
    assert (report.calls, report.bodies, report.outcomes) == (2, 1, {"succeeded": 2})


def test_the_report_is_text_and_json_of_the_same_figures() -> None:
    endstop.crewai.install(tools={"look up": {"max_calls": 1}})
    run_crew([look_up], [Ask("look_up", {"word": "a"}), Ask("look_up", {"word": "b"}), "done"])
    report = endstop.crewai.report()
    assert json.loads(report.to_json()) == json.loads(json.dumps(report.to_dict()))
    told = json.loads(report.to_json())
    assert told["tools"]["look_up"]["outcomes"] == {"succeeded": 1, "usage-limit": 1}
    assert told["stopped"][0]["code"] == "usage-limit"
    text = str(report)
    assert text.startswith("2 calls, 1 bodies: succeeded 1, usage-limit 1\n")
    assert "stopped: look_up was not run: call 2, the limit is 1 calls per engine. [usage-limit]" in text


def test_a_tool_in_a_worker_is_in_the_report() -> None:
    endstop.crewai.install(tools={"look up": {"placement": "worker"}})
    run_crew([look_up], [Ask("look_up", {"word": "a"}), "done"])
    report = endstop.crewai.report()
    assert (report.bodies, report.outcomes) == (1, {"succeeded": 1})
    assert report.time_in_tools_ms >= 30


@pytest.mark.filterwarnings("ignore:endstop.crewai goes on")
def test_the_report_says_that_there_is_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_node() -> list[str]:
        raise EngineError("node-not-found", "No Node was found.")

    engine = SharedEngine(no_node)
    monkeypatch.setattr("endstop.client.session.shared_engine", lambda: engine)
    endstop.crewai.install()
    run_crew([look_up], [Ask("look_up", {"word": "a"}), "done"])
    report = endstop.crewai.report()
    assert (report.bodies, report.fallback) == (1, "No Node was found.")
    assert "without an engine: No Node was found." in str(report)


@pytest.mark.parametrize("at_once", [2, 8])
def test_the_overhead_of_calls_at_once_is_no_more_than_the_time_that_they_took(at_once: int) -> None:
    endstop.crewai.install(tools={"look up": {"max_concurrent": at_once}})
    look_up.run(word="first")
    before = endstop.crewai.report().overhead_ms
    since_s = time.perf_counter()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda word: look_up.run(word=word), "abcdefgh"))
    took_ms = (time.perf_counter() - since_s) * 1_000
    assert 0 < endstop.crewai.report().overhead_ms - before <= took_ms


def test_a_new_installation_starts_a_new_report() -> None:
    endstop.crewai.install()
    look_up.run(word="a")
    assert endstop.crewai.report().calls == 1
    endstop.crewai.uninstall()
    endstop.crewai.install()
    assert endstop.crewai.report().calls == 0


def test_where_nothing_was_guarded_report_says_so() -> None:
    code = "import endstop.crewai as e\ntry: e.report()\nexcept RuntimeError as x: print(x)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "nothing was guarded: call endstop.crewai.install() or guard() first\n"


def test_percentiles_are_within_two_percent() -> None:
    seeded = random.Random(7)
    durations, given = Durations(), sorted(seeded.lognormvariate(-5, 2) for _ in range(2_001))
    for seconds in given:
        durations.add(seconds)
    told = durations.percentiles()
    assert told.p50 == pytest.approx(given[1_000] * 1_000, rel=0.021)
    assert told.p95 == pytest.approx(given[1_900] * 1_000, rel=0.021)
    assert told.max == pytest.approx(given[-1] * 1_000, abs=0.001)


def test_names_and_stops_without_end_take_bounded_memory() -> None:
    endstop.crewai.install(tools={"look up": {"max_calls": 1}})
    look_up.run(word="a")
    for _ in range(MAX_STOPS + 10):
        with pytest.raises(ToolCallError, match="limit is 1"):
            look_up.run(word="a")
    assert len(endstop.crewai.report().stopped) == MAX_STOPS
    tally = Tally()
    for number in range(MAX_TOOLS + 50):
        tally.add(f"tool {number}", None, Timing(), was_stopped=False)
    tools = tally.report(None).tools
    assert len(tools) == MAX_TOOLS + 1
    assert tools[REST].calls == 50
