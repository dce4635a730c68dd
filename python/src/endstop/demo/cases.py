"""The cases of the demo: which tool, what the model does, and what Endstop is told about the tool."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from crewai.tools import BaseTool, tool
from crewai_tools import DirectoryReadTool, FileReadTool, ScrapeWebsiteTool

from endstop._options import ToolOptions
from endstop.demo import tools
from endstop.demo.case import Case
from endstop.demo.scripted import Ask, Script, Step
from endstop.demo.tally import note

Messages = list[dict[str, Any]]

POLICIES: Mapping[str, ToolOptions] = {
    "count_up": {"placement": "worker", "timeout": "1s"},
    "compress": {"placement": "worker", "timeout": "1s"},
    "search": {"max_calls_per_run": 5},
    "job_status": {"poller": True},
}
"""What Endstop is told about single tools. For all others its defaults hold."""


def asks_once(tool_name: str, **arguments: Any) -> Script:
    """A model that calls a tool and answers with the tool's result."""
    return lambda number, messages: Ask(tool_name, arguments) if number == 1 else last_result(messages)


def asks_until_refused(tool_name: str, argument: str, value: str) -> Script:
    """A model that asks on and on, with `{}` in the value as the number of the request, until it is told to stop."""

    def step(number: int, messages: Messages) -> Step:
        if "was not run" in last_result(messages):
            return "I answer with what I have."
        return Ask(tool_name, {argument: value.format(number)})

    return step


def polls_until_done(number: int, messages: Messages) -> Step:
    """A model that asks for the state of a job until the job is done."""
    done = f"{tools.POLLS_UNTIL_DONE} of {tools.POLLS_UNTIL_DONE} done"
    result = last_result(messages)
    return result if done in result else Ask("job_status", {"job": "backup"})


def last_result(messages: Messages) -> str:
    """The latest tool result that the model was shown, or an empty text."""
    for message in reversed(messages):
        text = str(message.get("content") or "")
        if message.get("role") == "tool":
            return text
        if "Observation:" in text and message.get("role") == "assistant":
            return text.partition("Observation:")[2].strip()
    return ""


def counted(tool_class: type[BaseTool]) -> Callable[[], BaseTool]:
    """The same tool, whose body is counted."""

    def run(self: BaseTool, *args: Any, **kwargs: Any) -> Any:
        note("body")
        return tool_class._run(self, *args, **kwargs)

    return type(tool_class.__name__, (tool_class,), {"_run": run, "__module__": __name__})


def website_tool() -> BaseTool:
    """It refuses addresses of this machine unless it is told otherwise."""
    os.environ["CREWAI_TOOLS_ALLOW_UNSAFE_PATHS"] = "true"
    return counted(ScrapeWebsiteTool)()


CASES = (
    Case(
        name="file",
        title="FileReadTool",
        tool=counted(FileReadTool),
        script=lambda _: asks_once("read_a_files_content", file_path="outcome.py"),
        answer_has="class Outcome",
        same_answer=True,
    ),
    Case(
        name="directory",
        title="DirectoryReadTool",
        tool=counted(DirectoryReadTool),
        script=lambda _: asks_once("list_files_in_directory", directory="demo"),
        native=False,
        answer_has="scripted.py",
        same_answer=True,
    ),
    Case(
        name="website",
        title="ScrapeWebsiteTool",
        tool=website_tool,
        script=lambda around: asks_once("read_website_content", website_url=around.page_url),
        answer_has="the switch at the end of a machine's travel",
        same_answer=True,
    ),
    Case(
        name="poll",
        title="poll, 50 new answers",
        tool=lambda: tool("job_status")(tools.job_status),
        script=lambda _: polls_until_done,
        native=False,
        max_iter=60,
        bodies=tools.POLLS_UNTIL_DONE,
        answer_has=f"{tools.POLLS_UNTIL_DONE} of {tools.POLLS_UNTIL_DONE} done",
    ),
    Case(
        name="socket",
        title="socket never answers",
        tool=lambda: tool("read_socket")(tools.read_socket),
        script=lambda around: asks_once("read_socket", port=around.silent_port),
        max_execution_time=2,
        error="TimeoutError",
    ),
    Case(
        name="endless",
        title="while True",
        tool=lambda: tool("count_up")(tools.count_up),
        script=lambda _: asks_once("count_up", start=1),
        max_execution_time=3,
        answer_has="was stopped after",
    ),
    Case(
        name="lock",
        title="C code keeps the GIL",
        tool=lambda: tool("compress")(tools.compress),
        script=lambda _: asks_once("compress", level=9),
        max_execution_time=3,
        answer_has="was stopped after",
    ),
    Case(
        name="charge",
        title="charges, then raises",
        tool=lambda: tool("charge_card")(tools.charge_card),
        script=lambda _: [Ask("charge_card", {"cents": 4200}), "The charge failed."],
        native=False,
    ),
    Case(
        name="drift",
        title="drifting searches",
        tool=lambda: tool("search")(tools.search),
        script=lambda _: asks_until_refused("search", "query", "invoice, attempt {}"),
        native=False,
        bodies=5,
        answer_has="what I have",
    ),
    Case(
        name="same",
        title="same call for ever",
        tool=lambda: tool("weather")(tools.weather),
        script=lambda _: asks_until_refused("weather", "city", "Berlin"),
        bodies=3,
        answer_has="what I have",
    ),
)
