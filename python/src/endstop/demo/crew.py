"""Runs the crew of one case. This is the program of a user: real CrewAI, a scripted model, and one line for Endstop."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from crewai import Agent, Crew, Process, Task

import endstop.crewai
from endstop.demo.case import Case
from endstop.demo.cases import CASES, POLICIES
from endstop.demo.measured import Ending, Side
from endstop.demo.scripted import Script, ScriptedLLM, Step
from endstop.demo.surroundings import Surroundings, surroundings
from endstop.demo.tally import note


def kick_off(name: str, side: Side, about_to_begin: Callable[[], None]) -> Ending:
    """Runs the crew of the case with this name, on plain CrewAI or with Endstop installed."""
    case = next(case for case in CASES if case.name == name)
    crew = _crew(case, surroundings())
    if side == "endstop":
        endstop.crewai.install(tools=POLICIES)

    about_to_begin()
    started_at = time.monotonic()
    try:
        answer = str(crew.kickoff())
    except Exception as raised:
        return Ending(time.monotonic() - started_at, error_name=type(raised).__name__, error_text=str(raised))
    return Ending(time.monotonic() - started_at, answer=answer)


def _crew(case: Case, around: Surroundings) -> Crew:
    agent = Agent(
        role="Clerk",
        goal="Do what is asked",
        backstory="You work with one tool.",
        tools=[case.tool()],
        llm=ScriptedLLM.following(_counted(case.script(around)), native=case.native),
        max_iter=case.max_iter,
        max_execution_time=case.max_execution_time,
        verbose=False,
    )
    task = Task(description="Use the tool and report.", expected_output="What the tool said.", agent=agent)
    return Crew(agents=[agent], tasks=[task], process=Process.sequential, verbose=False, tracing=False)


def _counted(script: Script) -> Script:
    """The same script, whose calls are counted."""

    def step(number: int, messages: list[dict[str, Any]]) -> Step:
        note("model")
        if callable(script):
            return script(number, messages)
        return script[min(number, len(script)) - 1]

    return step
