"""A side effect that may have happened is not repeated in the same run. Bodies are counted by what they write."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from endstop import Outcome, ToolExecutor
from tests.outside import tools


def _codes(outcomes: list[Outcome]) -> list[str]:
    return ["succeeded" if outcome.failure is None else outcome.failure.code for outcome in outcomes]


@pytest.mark.parametrize("placement", ["host", "worker"])
def test_a_call_that_wrote_and_timed_out_is_not_run_again(
    executor: ToolExecutor, tmp_path: Path, placement: str
) -> None:
    notes = tmp_path / "notes"
    executor.register(tools.note_then_sleep, name="pay", timeout="1s", placement=placement)
    args = {"path": str(notes), "seconds": 1.5}
    with executor.run():
        outcomes = [executor.try_execute_tool("pay", args) for _ in range(2)]
    assert _codes(outcomes) == ["timed-out", "effect-unknown"]
    assert outcomes[1].attempts == 0
    if placement == "host":
        time.sleep(1)  # the body goes on, and must have ended when the leak detector looks
    assert outcomes[1].failure is not None
    assert "was not run again" in outcomes[1].failure.for_model
    assert notes.read_text() == "x"


def test_a_worker_that_died_in_the_middle_counts_as_unknown_and_another_run_is_free(
    executor: ToolExecutor, tmp_path: Path
) -> None:
    notes = tmp_path / "notes"
    executor.register(tools.note_then_perhaps_die, name="pay", placement="worker")
    args = {"path": str(notes), "dies": True}
    codes = []
    for _ in range(2):
        with executor.run():
            codes += _codes([executor.try_execute_tool("pay", args) for _ in range(2)])
    assert codes == ["worker-crashed", "effect-unknown"] * 2
    assert notes.read_text() == "xx"


def test_a_tool_that_says_that_repeating_does_no_harm_is_run_again(executor: ToolExecutor, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    executor.register(tools.note_then_perhaps_die, name="look", placement="worker", read_only=True)
    args = {"path": str(notes), "dies": True}
    with executor.run():
        outcomes = [executor.try_execute_tool("look", args) for _ in range(2)]
    assert _codes(outcomes) == ["worker-crashed"] * 2
    assert notes.read_text() == "xx"
