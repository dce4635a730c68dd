"""Ways to a tool's body that have no other test: MCP, LangChain, training, replay."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from crewai import Crew, Task
from crewai.tools import tool
from crewai.tools.base_tool import Tool
from crewai.tools.mcp_native_tool import MCPNativeTool
from crewai.tools.tool_failure import ToolFailureReason
from crewai.utilities.evaluators.task_evaluator import TaskEvaluator

from endstop.crewai import describe, install, report
from endstop.demo.scripted import Ask
from tests.support.crews import PATHS, make_crew, plain_crewai_afterwards, run_crew  # noqa: F401

each_path = pytest.mark.parametrize("path", PATHS)

MCP_SERVER = """
from mcp.server.fastmcp import FastMCP
server = FastMCP("words")
@server.tool()
def look_up(word: str) -> str:
    "Looks a word up."
    if word == "bad":
        raise ValueError("no such word")
    return f"found {word}"
server.run()
"""


@pytest.fixture
def mcp_tool(tmp_path: Path) -> MCPNativeTool:
    from crewai.mcp.client import MCPClient
    from crewai.mcp.transports.stdio import StdioTransport

    (tmp_path / "server.py").write_text(MCP_SERVER)

    def client() -> MCPClient:
        return MCPClient(StdioTransport(sys.executable, [str(tmp_path / "server.py")]))

    schema = {"description": "Looks a word up.", "args_schema": None}
    return MCPNativeTool(client, "look_up", schema, "words", original_tool_name="look_up")


def test_a_tool_of_a_real_mcp_server_is_guarded_and_its_own_error_stays_crewais(mcp_tool: MCPNativeTool) -> None:
    install(tools={mcp_tool.name: {"max_calls": 2}})
    name = mcp_tool.name
    asked = [Ask(name, {"word": word}) for word in ("a", "bad", "c")]
    guarded = run_crew([mcp_tool], [*asked, "done"], cache=False)
    assert guarded.tool_texts[0] == "found a"
    assert "no such word" in guarded.tool_texts[1]
    assert [record.failure.reason for record in guarded.tool_failures] == [
        ToolFailureReason.MCP_ERROR,
        ToolFailureReason.USAGE_LIMIT,
    ]
    assert report().bodies == 2
    assert describe(mcp_tool)["timeout"].value == 60.0


@each_path
def test_a_langchain_tool_is_guarded(path: str) -> None:
    install(tools={"look up": {"max_calls": 1}})
    bodies: list[str] = []

    def look_up(word: str) -> str:
        bodies.append(word)
        return f"found {word}"

    # What LangChain's StructuredTool has, as far as `from_langchain` looks at it.
    theirs = SimpleNamespace(name="look up", description="Looks a word up.", func=look_up, args_schema=None)
    asked = [Ask("look_up", {"word": word}) for word in ("a", "b")]
    guarded = run_crew([Tool.from_langchain(theirs)], [*asked, "done"], path=path, cache=False)
    assert bodies == ["a"]
    assert "all 1 allowed calls are used" in guarded.tool_texts[1]


def _counting() -> tuple[Any, list[str]]:
    bodies: list[str] = []

    @tool("look up")
    def look_up(word: str) -> str:
        """Looks a word up."""
        bodies.append(word)
        return f"found {word}"

    return look_up, bodies


@each_path
def test_each_iteration_of_a_training_is_a_run_of_its_own(
    path: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("builtins.input", lambda *_: "")
    trained = SimpleNamespace(model_dump=lambda: {"suggestions": []})
    monkeypatch.setattr(TaskEvaluator, "evaluate_training_data", lambda *_args, **_kwargs: trained)
    install(tools={"look up": {"max_calls_per_run": 1}})
    look_up, bodies = _counting()
    script = [Ask("look_up", {"word": "a"}), Ask("look_up", {"word": "b"}), "done", "done"]
    crew, _ = make_crew([look_up], lambda n, _m: script[(n - 1) % len(script)], path=path, cache=False)
    crew.train(n_iterations=2, filename="trained.pkl")
    assert bodies[0] == "a"
    assert report().outcomes["succeeded"] == len(bodies) == 2
    assert report().outcomes["usage-limit"] >= 1


@each_path
def test_a_replay_of_several_tasks_is_one_run(path: str) -> None:
    look_up, bodies = _counting()
    script = [Ask("look_up", {"word": "a"}), "done"]
    crew, _ = make_crew([look_up], lambda n, _m: script[(n - 1) % 2], path=path, cache=False)
    first = crew.tasks[0]
    second = Task(description="Do it again.", expected_output="What came of it.", agent=crew.agents[0])
    crew = Crew(agents=crew.agents, tasks=[first, second], verbose=False)
    crew.kickoff()
    assert len(bodies) == 2
    install(tools={"look up": {"max_calls_per_run": 1}})
    crew.replay(task_id=str(first.id))
    assert len(bodies) == 3
    assert report().outcomes == {"succeeded": 1, "usage-limit": 1}
