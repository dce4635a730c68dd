"""As _work.py, for a template that has CrewAI in it."""

from __future__ import annotations

import crewai  # noqa: F401 - its weight in the template is what is measured


def double_beside_crewai(number: int) -> int:
    return number * 2
