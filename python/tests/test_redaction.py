"""Texts that Python makes where no engine can hide the same values as the engine's."""

from __future__ import annotations

from typing import Any

import pytest

from endstop._options import SECRET_NAMES
from endstop.client import local_outcomes
from endstop.client.local_outcomes import CallFacts
from endstop.redaction import redact_text, secrets_of
from tests.support.vectors import vectors


@pytest.mark.parametrize("vector", vectors("redaction"), ids=lambda vector: vector["name"])
def test_a_golden_text(vector: dict[str, Any]) -> None:
    redact = vector.get("redact", SECRET_NAMES)
    assert redact_text(vector["text"], secrets_of(vector["input"], redact), redact) == vector["expected"]


def test_an_input_without_encoding_has_its_secrets_found() -> None:
    given = {"password": b"hunter2", "deep": ({"token": {"sk-42420"}}, object()), "n": 7}
    assert secrets_of(given, SECRET_NAMES) == ["sk-42420", "hunter2"]


def test_an_input_of_any_size_takes_a_moment() -> None:
    rows = [{"a": 1, "b": [2]} for _ in range(1_000_000)]
    for given in ({"rows": rows, "password": "hunter2"}, {"password": "hunter2", "rows": rows}):
        assert secrets_of(given, SECRET_NAMES) == ["hunter2"]


def test_an_exception_with_its_causes_is_told_without_secrets() -> None:
    error = {
        "name": "E",
        "message": "no hunter2",
        "stack": "E: hunter2",
        "cause": {"name": "E", "message": "hunter2", "stack": ""},
    }
    facts = CallFacts("c", "t", "host", {}, {"password": "hunter2"})
    failure = local_outcomes.raised(facts, ValueError("no hunter2"), error).failure
    assert failure is not None
    assert "no ***" in failure.message
    assert "hunter2" not in repr(failure)
