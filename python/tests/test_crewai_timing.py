"""What counts as overhead: Endstop's own time, not waits for other calls, and what happens at once counts once."""

from __future__ import annotations

import time

import pytest

from endstop.crewai import timing
from endstop.crewai.tally import Tally
from endstop.crewai.timing import Timing, WallTime


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 100.0
        monkeypatch.setattr(time, "perf_counter", lambda: self.now_s)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def request(clock: Clock, waited_s: float = 0.0) -> Timing:
    """1 ms of Endstop before the body's turn, the wait, 1 ms before the body, 100 ms in it, 1 ms after it."""
    asked = Timing()
    with asked.deciding():
        clock.now_s += 0.001 + waited_s
        asked.waited(waited_s * 1_000)
    with asked.carrying_out(in_worker=False):
        clock.now_s += 0.001
        asked.body_begins()
        clock.now_s += 0.1
        asked.body_ends()
        clock.now_s += 0.001
    return asked


def told_of(*requests: Timing) -> tuple[float, float]:
    tally = Tally()
    for each in requests:
        tally.add("t", None, each, was_stopped=False)
    report = tally.report(None)
    return report.time_in_tools_ms, report.overhead_ms


def test_a_wait_for_a_turn_is_no_overhead(clock: Clock) -> None:
    """Eight calls at once, of which two at a time have their turn."""
    began_s, requests = clock.now_s, []
    for number in range(8):
        clock.now_s = began_s
        requests.append(request(clock, waited_s=number // 2 * 0.103))
    assert told_of(*requests) == (pytest.approx(800), pytest.approx(4 * 3))


def test_what_several_do_at_once_counts_once(clock: Clock) -> None:
    began_s, requests = clock.now_s, []
    for _ in range(8):
        clock.now_s = began_s
        requests.append(request(clock))
    assert told_of(*requests) == (pytest.approx(800), pytest.approx(3))


def test_further_attempts_and_the_pauses_between_them_are_no_overhead(clock: Clock) -> None:
    asked = Timing()
    with asked.carrying_out(in_worker=False):
        for _ in range(3):
            asked.body_begins()
            clock.now_s += 1
            asked.body_ends()
            clock.now_s += 0.001
    assert told_of(asked) == (pytest.approx(3_002), pytest.approx(1))


def test_an_attempt_that_ends_late_does_not_end_the_next_one(clock: Clock) -> None:
    asked = Timing()
    with asked.carrying_out(in_worker=False):
        asked.body_begins()
        clock.now_s += 1
        asked.body_begins()
        clock.now_s += 0.5
        asked.body_ends()
        clock.now_s += 0.5
    assert told_of(asked) == (pytest.approx(2_000), 0)


def test_spans_in_any_order_cover_what_they_cover() -> None:
    wall = WallTime()
    assert [wall.add(4, 5), wall.add(0, 10), wall.add(3, 6), wall.add(9, 12), wall.add(12, 13)] == [1, 9, 0, 2, 1]
    assert [wall.add(20, 21), wall.add(22, 23), wall.add(19, 24), wall.add(8, 8), wall.add(9, 7)] == [1, 1, 3, 0, 0]


def test_spans_without_end_take_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "MAX_SPANS", 10)
    wall = WallTime()
    assert sum(wall.add(number, number + 0.5) for number in range(100)) == 50
    assert wall.add(0, 89.5) == 0
    assert wall.add(0, 90) == 0.5
    assert len(wall._covered) == 10
