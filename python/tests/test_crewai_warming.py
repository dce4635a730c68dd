"""The template of the workers starts with the kickoff, and only if a tool is placed in a worker."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from crewai.tools import tool

from endstop.client.engine import shared_engine
from endstop.crewai import install
from tests.support.crews import plain_crewai_afterwards, run_crew  # noqa: F401


@tool("look up")
def look_up(word: str) -> str:
    """Looks a word up."""
    return word


@pytest.fixture(autouse=True)
def no_engine() -> Iterator[None]:
    shared_engine().end("a test of its start begins")
    yield
    shared_engine().end("the test is over")


def _template_is_there() -> bool:
    connection = shared_engine().live_connection
    return connection is not None and bool(psutil.Process(connection.process.pid).children())


def _kick_off(first_answer_after_s: float) -> bool:
    """Of a crew whose model takes up to so long for its first answer and asks for no tool: whether a template came."""
    seen: list[bool] = []

    def think(_number: int, _messages: list[dict[str, Any]]) -> str:
        until = time.monotonic() + first_answer_after_s
        while not _template_is_there() and time.monotonic() < until:
            time.sleep(0.02)
        seen.append(_template_is_there())
        return "done"

    run_crew([look_up], think)
    return seen[0]


def test_the_template_starts_while_the_model_thinks() -> None:
    install(tools={"look up": {"placement": "worker"}})
    assert _kick_off(first_answer_after_s=20.0)


def test_where_no_tool_is_placed_in_a_worker_a_kickoff_without_calls_starts_nothing() -> None:
    install(tools={"look up": {"timeout": "10s"}})
    assert not _kick_off(first_answer_after_s=0.5)
    assert shared_engine().live_connection is None
