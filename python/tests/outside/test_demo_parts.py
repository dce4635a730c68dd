"""The demo tells what it measured, and fails if it is not what was promised."""

from __future__ import annotations

import dataclasses
import importlib.util
import re

import pytest

from endstop.demo.__main__ import main
from endstop.demo.case import Case
from endstop.demo.judging import Row, reasons
from endstop.demo.measured import Ending, Measured
from endstop.demo.table import table
from tests.outside.programs import Programs

DEMO = "import sys; from endstop.demo.__main__ import main; sys.exit(main(sys.argv[1:]))"

GOOD = Case(
    name="good",
    title="a good tool",
    tool=lambda: pytest.fail("no crew here"),
    script=lambda _: ["no model either"],
    answer_has="42",
    same_answer=True,
)
MEASURED = Measured(seconds=0.1, bodies=1, model_calls=2, ending=Ending(0.1, answer="it is 42"))
KILLED = Measured(seconds=30.0, bodies=1, model_calls=1, ending=None)


def raised(name: str) -> Measured:
    return dataclasses.replace(MEASURED, ending=Ending(0.1, error_name=name, error_text="it broke"))


def test_a_case_that_is_as_it_should_be_gives_no_reason() -> None:
    assert reasons(Row(GOOD, plain=MEASURED, endstop=MEASURED)) == []
    failing = dataclasses.replace(GOOD, error="TimeoutError")
    assert reasons(Row(failing, plain=KILLED, endstop=raised("TimeoutError"))) == []


@pytest.mark.parametrize(
    ("endstop", "reason"),
    [
        (KILLED, "hang, killed after 30.0 s"),
        (
            dataclasses.replace(KILLED, died="exit code -11: it printed nothing"),
            "process died after 30.0 s: exit code -11",
        ),
        (dataclasses.replace(MEASURED, lingered=True), "its process did not exit"),
        (dataclasses.replace(MEASURED, ending=Ending(11.1, answer="it is 42")), "outcome after 11.1 s, limit 10 s"),
        (dataclasses.replace(MEASURED, bodies=6), "bodies: 6, expected 1"),
        (raised("KeyError"), "KeyError, expected answer: it broke"),
        (dataclasses.replace(MEASURED, ending=Ending(0.1, answer="it is 41")), "'42' is not in its answer: it is 41"),
        (dataclasses.replace(MEASURED, ending=Ending(0.1, answer="42 it is")), "not the answer of plain CrewAI"),
    ],
)
def test_every_deviation_is_a_reason(endstop: Measured, reason: str) -> None:
    assert any(found.startswith(reason) for found in reasons(Row(GOOD, plain=MEASURED, endstop=endstop)))


def test_the_table_fits_in_100_columns_and_says_whether_the_answers_are_the_same() -> None:
    other = dataclasses.replace(MEASURED, ending=Ending(0.1, answer="42 it is"))
    failed = raised("AnExceptionWithAVeryLongName")
    rows = [Row(GOOD, MEASURED, MEASURED), Row(GOOD, MEASURED, other), Row(GOOD, KILLED, failed)]
    lines = table(rows, "1.2.3", "4.5.6").splitlines()
    assert max(map(len, lines)) < 100
    assert [line for line in lines if line.startswith("a good tool (native)   ")] == [
        "a good tool (native)           answer          0.1s      1     2  same answer     0.1s      1     2",
        "a good tool (native)           answer          0.1s      1     2  other answer    0.1s      1     2",
        "a good tool (native)           hang, killed   30.0s      1     1  AnExceptionWi…  0.1s      1     2",
    ]
    assert lines[-1] == "  a good tool (native), Endstop: AnExceptionWithAVeryLongName: it broke"


def test_without_crewai_the_demo_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert main([]) == 2
    assert 'pip install "endstop[crewai]"' in capsys.readouterr().err


# Each case imports crewai in a process of its own: seconds on an idle machine, half a minute on a busy one.
DEMO_PATIENCE_S = 150


@pytest.mark.timeout(DEMO_PATIENCE_S + 30)
def test_real_crews_are_measured_on_both_sides_and_a_hang_is_killed(programs: Programs) -> None:
    demo = programs.start(DEMO, "file", "charge", "socket").finish(DEMO_PATIENCE_S)
    assert demo.exit_code == 0, demo
    shown = demo.stdout
    figures = {line[:29].strip(): re.sub(r"[0-9.]+s ", "", line[31:]).split() for line in shown.splitlines()}
    assert figures["FileReadTool (native)"] == ["answer", "1", "2", "same", "answer", "1", "2"]
    assert figures["charges, then raises (ReAct)"] == ["answer", "6", "2", "answer", "1", "2"]
    assert figures["socket never answers (native)"] == ["hang,", "killed", "1", "1", "TimeoutError", "1", "1"]


UNSTOPPED = """
import sys
from endstop.demo import processes
from endstop.demo.measured import Ending, Measured

found = Measured(seconds=0.1, bodies=6, model_calls=2, ending=Ending(0.1, answer="The charge failed."))
processes.measure = lambda jobs, *_: {(case.name, side): found for case, side in jobs}
"""


@pytest.mark.timeout(DEMO_PATIENCE_S + 30)
def test_the_demo_fails_if_a_bad_tool_is_not_stopped(programs: Programs) -> None:
    demo = programs.start(UNSTOPPED + DEMO, "charge").finish(DEMO_PATIENCE_S)
    assert demo.exit_code == 1
    assert "Failed: charges, then raises (ReAct): bodies: 6, expected 1" in demo.stdout
