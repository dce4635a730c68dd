"""`once=True`: a task that is done again charges nobody again."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from crewai.tools import tool

from endstop import ToolExecutor
from endstop.crewai import install
from endstop.demo.scripted import Ask
from tests.support.crews import PATHS, make_crew, plain_crewai_afterwards

__all__ = ["plain_crewai_afterwards"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("retried_by", ["guardrail", "model error"])
def test_a_task_that_is_done_again_charges_once_and_the_model_reads_the_first_result(
    path: str, retried_by: str
) -> None:
    charged: list[int] = []

    @tool("charge")
    def charge(amount: int) -> str:
        """Charges."""
        charged.append(amount)
        return f"receipt {len(charged)} for {amount}"

    fails = iter([retried_by == "model error"])

    def script(number: int, messages: list[dict[str, Any]]) -> Any:
        if number % 2:
            return Ask("charge", {"amount": 5})
        if next(fails, False):
            raise ConnectionError("the model is away")
        return "charged"

    install(tools={"charge": {"once": True}})
    crew, model = make_crew([charge], script, path=path, cache=False)
    verdicts = itertools.chain([(retried_by == "model error", "again")], itertools.repeat((True, "fine")))
    crew.tasks[0].guardrail = lambda output: next(verdicts)
    crew.tasks[0]._guardrail = crew.tasks[0].guardrail
    assert str(crew.kickoff())
    assert charged == [5]
    assert model.calls >= 4
    assert "receipt 1 for 5" in " ".join(str(message.get("content")) for message in model.last_messages)
    crew.kickoff()  # another kickoff may charge again
    assert charged == [5, 5]


def test_an_executors_tool_runs_once_for_one_input_in_a_run_and_outside_of_any() -> None:
    calls: list[int] = []

    def charge(amount: int) -> str:
        calls.append(amount)
        return f"receipt {len(calls)}"

    with ToolExecutor() as executor:
        executor.register(charge, once=True)
        assert [executor.execute_tool("charge", {"amount": 5}) for _ in range(3)] == ["receipt 1"] * 3
        with executor.run():
            assert [executor.execute_tool("charge", {"amount": 5}) for _ in range(2)] == ["receipt 2"] * 2
    assert calls == [5, 5]


@pytest.mark.parametrize("placement", ["host", "worker"])
def test_a_model_that_asks_twice_in_one_answer_reads_the_one_receipt_twice(placement: str, tmp_path: Path) -> None:
    log = tmp_path / "log"

    @tool("charge")
    def charge(amount: int, path: str) -> str:
        """Charges."""
        import time

        with open(path, "a") as file:
            file.write("charged\n")
        time.sleep(0.5)
        return f"receipt for {amount}"

    install(tools={"charge": {"once": True, "placement": placement}})
    ask = Ask("charge", {"amount": 5, "path": str(log)})
    crew, model = make_crew([charge], [[ask, ask], "charged"], path="native", cache=False)
    assert str(crew.kickoff()) == "charged"
    results = [str(message["content"]) for message in model.last_messages if message.get("role") == "tool"]
    assert results == ["receipt for 5"] * 2
    assert log.read_text() == "charged\n"


PROGRAM = """
import tests.support.crews as crews
from crewai.tools import tool
from endstop.crewai import install
from endstop.demo.scripted import Ask

@tool("search")
def search(query: str) -> str:
    "Searches."
    return "nothing"

install(budget_calls=3)
crews.run_crew([search], [*[Ask("search", {"query": str(n)}) for n in range(8)], "done"])
crews.run_crew([search], ["nothing asked"])
"""


def test_a_stop_is_one_line_on_standard_error_where_logging_is_not_set_up() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if "was not run" in line]
    assert len(lines) == 2
    assert lines[0] == (
        "search was not run: the run has used 3 of its budget of 3 calls. The limit is budget_calls: to change it, "
        "install(budget_calls=...), None for no limit."
    )
    assert "rejections_to_end_agent" in lines[1]
