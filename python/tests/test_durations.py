"""Durations are read with their unit and shown with a unit."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endstop.durations import MAX_DURATION_MS, duration_ms, format_duration, optional_duration_ms

from .support.vectors import vectors

VECTORS = vectors("durations")
MESSAGES = {
    "form": "must be a duration such as",
    "unit": "has an unknown unit",
    "positive": "must be finite and above 0",
}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: repr(vector["text"]))
def test_a_golden_duration(vector: dict[str, Any]) -> None:
    if "ms" in vector:
        assert duration_ms(vector["text"], "timeout") == vector["ms"]
    else:
        with pytest.raises(ValueError, match=MESSAGES[vector["error"]]) as found:
            duration_ms(vector["text"], "timeout")
        assert repr(vector["text"]) in str(found.value)


@pytest.mark.parametrize("value", [0, -1, -0.0, math.nan, math.inf, -math.inf, MAX_DURATION_MS, "0s", "9999999h"])
def test_a_number_of_seconds_that_cannot_be_is_named(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^timeout ") as found:
        duration_ms(value, "timeout")
    assert str(found.value).endswith(f"got {value!r}")


@pytest.mark.parametrize("value", [True, None, [], b"1s", {"s": 1}, 1 + 0j])
def test_another_type_is_named(value: Any) -> None:
    with pytest.raises(TypeError, match=r"^timeout must be a number of seconds or a text") as found:
        duration_ms(value, "timeout")
    assert str(found.value).endswith(f"got {value!r}")


@given(st.floats(0.001, MAX_DURATION_MS / 1_000))
def test_seconds_become_milliseconds(seconds: float) -> None:
    assert duration_ms(seconds, "timeout") == seconds * 1_000


def test_none_is_no_deadline() -> None:
    assert optional_duration_ms(None, "timeout") is None
    assert optional_duration_ms("2m", "timeout") == 120_000


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(0.4, "0 ms"), (350, "350 ms"), (2_000, "2 s"), (1_500, "1.5 s"), (2_004, "2 s"), (12_345, "12.3 s"),
     (120_000, "2 min"), (5_400_000, "90 min")],
)  # fmt: skip
def test_a_duration_is_shown_as_the_engine_shows_it(milliseconds: float, text: str) -> None:
    assert format_duration(milliseconds) == text
