"""A context variable that has another value for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def during(variable: ContextVar[T], value: T) -> Iterator[None]:
    """The scope in which the variable has this value."""
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)
