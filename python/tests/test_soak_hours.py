"""`dev soak --hours` adds stretches up, over interruptions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools.soak import soak_hours


class Stretches:
    """Stands in for real ones: notes what it was asked for, and fails or is interrupted where it is told to."""

    def __init__(self, interrupted: int | None = None, failing: int | None = None) -> None:
        self.asked: list[tuple[float, int]] = []
        self._interrupted, self._failing = interrupted, failing

    def __call__(self, minutes: float, number: int, result: Path) -> int:
        self.asked.append((minutes, number))
        if number == self._interrupted:
            raise KeyboardInterrupt
        result.write_text(json.dumps({"calls": 100, "faults": 5, "unexplained": 0}))
        return 1 if number == self._failing else 0


def test_hours_are_made_of_stretches_and_the_last_one_is_as_long_as_is_left(tmp_path: Path) -> None:
    stretches = Stretches()
    assert soak_hours(1.25, tmp_path / "soak.json", stretches) == 0
    assert stretches.asked == [(30.0, 0), (30.0, 1), (15.0, 2)]


def test_the_same_hours_go_on_after_an_interruption_and_begin_anew_once_they_are_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notes = tmp_path / "soak.json"
    with pytest.raises(KeyboardInterrupt):
        soak_hours(1.0, notes, Stretches(interrupted=1))

    rest = Stretches()
    assert soak_hours(1.0, notes, rest) == 0
    assert rest.asked == [(30.0, 1)]
    assert "1.00 of 1 h, 200 calls under 10 faults" in capsys.readouterr().out

    anew = Stretches()
    soak_hours(1.0, notes, anew)
    assert [number for _, number in anew.asked] == [0, 1]


def test_another_number_of_hours_begins_anew(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        soak_hours(1.0, tmp_path / "soak.json", Stretches(interrupted=1))
    stretches = Stretches()
    soak_hours(0.5, tmp_path / "soak.json", stretches)
    assert stretches.asked == [(30.0, 0)]


def test_a_stretch_that_fails_ends_it_and_is_done_again(tmp_path: Path) -> None:
    notes = tmp_path / "soak.json"
    assert soak_hours(1.0, notes, Stretches(failing=1)) == 1
    again = Stretches()
    assert soak_hours(1.0, notes, again) == 0
    assert again.asked == [(30.0, 1)]
