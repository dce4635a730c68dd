"""Which tools of `crewai_tools` move to a worker: all that can be made offline, but for a pinned list."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.outside.programs import Programs

# Name -> the reason that its outcome must name. None stays at present.
STAY: dict[str, str] = {}
FEWEST = 50

SOURCE = """
import builtins, inspect, warnings
warnings.simplefilter("ignore")
builtins.input = lambda *prompt: "n"  # some ask whether they may install a package
import crewai_tools
from crewai.tools import BaseTool
from endstop import ToolExecutor
from endstop.client.movable import movable

def tools():
    for name, kind in sorted(vars(crewai_tools).items()):
        if inspect.isclass(kind) and issubclass(kind, BaseTool) and kind is not BaseTool:
            try:
                tool = kind()
            except BaseException:
                continue  # it needs a key, an argument or another package
            tool.args_schema = None if name != "WaitTool" else tool.args_schema
            yield name, tool

rag_tools = 0
with ToolExecutor(timeout_seconds=30) as executor:
    for name, tool in tools():
        if hasattr(tool, "adapter"):
            rag_tools += 1
            if rag_tools > 2:  # each makes a database client in its worker, all in the same way: that takes a second
                print("tool", name, "moves", 1, len(movable(tool).payload))
                continue
        executor.register(tool, name=name, placement="worker")
        outcome = executor.try_execute_tool(name, {"seconds": 0.01} if name == "WaitTool" else {})
        failure = outcome.failure
        code, text = (failure.code, failure.message[:200]) if failure else ("returned", "")
        print("tool", name, code, outcome.attempts, text)
"""


@pytest.mark.timeout(240)
def test_each_tool_that_can_be_made_offline_runs_in_a_worker_or_says_why_not(
    programs: Programs, tmp_path: Path
) -> None:
    """Called without arguments, most bodies raise at once: it is enough that it was the body that did."""
    keys = ("OPENAI_API_KEY", "SERPER_API_KEY", "BRAVE_API_KEY", "SERPLY_API_KEY")
    quiet = {"CREWAI_DISABLE_TELEMETRY": "true", "OTEL_SDK_DISABLED": "true", "CREWAI_STORAGE_DIR": "storage"}
    quiet["TMPDIR"] = str(tmp_path)  # CrewAI leaves lock files there
    program = programs.start(SOURCE, **quiet, **dict.fromkeys(keys, "offline"))
    finished = program.finish(patience_s=200)
    assert finished.exit_code == 0, finished.stderr
    lines = [line.split(maxsplit=4) for line in finished.stdout.splitlines() if line.startswith("tool ")]
    ran = {
        name for _, name, code, attempts, *_ in lines if attempts == "1" and code in ("returned", "tool-error", "moves")
    }
    others = {name: detail for _, name, *detail in lines if name not in ran}
    assert others.keys() == STAY.keys(), others
    assert all(reason in " ".join(others[name]) for name, reason in STAY.items()), others
    assert len(ran) >= FEWEST, sorted(ran)
