"""What a model reads of a result is bounded, the same way as in the engine."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endstop._codes import CODES
from endstop.client import local_outcomes
from endstop.client.local_outcomes import CallFacts
from endstop.model_text import _size_text, bounded_text
from endstop.outcome import Outcome, Placement

from .support.vectors import vectors


@pytest.mark.parametrize("vector", vectors("model-texts"), ids=lambda vector: f"{vector['whole']}")
def test_a_golden_text(vector: dict[str, Any]) -> None:
    text = vector["whole"][0] * vector["whole"][1]
    sentence, shown = vector["sentence"], vector["shown"]
    assert bounded_text("fetch", text, vector["maxBytes"]) == (text if sentence is None else sentence + text[:shown])


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=1500), st.integers(60, 1200))
def test_it_stays_within_the_limit_and_shows_whole_characters(whole: str, max_bytes: int) -> None:
    text = bounded_text("t", whole, max_bytes)
    assert len(text.encode()) <= max_bytes
    if len(whole.encode()) <= max_bytes:
        assert text == whole
    else:
        shown = text.split(" follow. ", 1)[1]
        assert whole.startswith(shown)
        assert f"the first {_size_text(len(shown.encode()))} follow. " in text


def test_an_outcome_has_the_whole_value_and_a_bounded_text() -> None:
    outcome = Outcome("succeeded", "c1", "x", ("x",), 1.0, 1, "host", "Note.", "y" * 500, max_result_bytes=100)
    assert outcome.value == "y" * 500
    assert outcome.for_model.startswith("x returned 500 B; the first ")
    assert outcome.for_model.endswith("y\n\nNote.")


@pytest.mark.parametrize("problem", [ValueError("mine"), SystemExit(2)])
def test_a_value_without_a_text_has_one_for_the_model(problem: BaseException) -> None:
    class Mute:
        def __str__(self) -> str:
            raise problem

    facts = CallFacts("call", "tool", "host")
    assert local_outcomes.success(facts, Mute()).for_model == "<Mute whose text cannot be read>"
    assert "4300" not in local_outcomes.success(facts, 10**5000).for_model


@pytest.mark.parametrize("placement", ["host", "worker"])
@pytest.mark.parametrize("code", sorted(set(CODES) - {"effect-unknown", "history-lost"}))
def test_what_the_client_tells_alone_says_of_effects_only_what_is_known(code: str, placement: Placement) -> None:
    def text(*, attempts: int, is_repeatable: bool) -> str:
        facts = CallFacts("c-1", "TOOL", placement, {"readOnly": is_repeatable})
        failure = local_outcomes.failure(code, facts, attempts=attempts, detail="D", limit="L", observed="O").failure
        assert failure is not None
        return failure.for_model

    claims = re.compile(r"effects?\b|[Dd]o not repeat|verify|unknown whether")
    assert not claims.search(text(attempts=1, is_repeatable=True))
    if CODES[code].not_started is not None:
        assert not claims.search(text(attempts=0, is_repeatable=False))
