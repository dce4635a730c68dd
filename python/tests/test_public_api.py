"""The public names of the package and what they take. A name that goes or changes breaks somebody's program."""

from __future__ import annotations

import dataclasses
import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import endstop
import endstop.crewai

PINNED = Path(__file__).with_name("support") / "public-api.txt"


def _described(module: Any) -> Iterator[str]:
    for name in sorted(module.__all__):
        value = getattr(module, name)
        dotted = f"{module.__name__}.{name}"
        if inspect.isfunction(value):
            yield f"{dotted}{_parameters(value)}"
        elif not inspect.isclass(value):
            yield f"{dotted}: {type(value).__name__}"
        elif dataclasses.is_dataclass(value):
            yield f"{dotted}({', '.join(field.name for field in dataclasses.fields(value))})"
            yield from _methods(value, dotted)
        else:
            yield f"{dotted}{_parameters(value.__init__)}"
            yield from _methods(value, dotted)


def _methods(owner: type, dotted: str) -> Iterator[str]:
    for name, value in sorted(vars(owner).items()):
        if name.startswith("_"):
            continue
        if isinstance(value, property):
            yield f"  {dotted}.{name}"
        elif inspect.isfunction(value):
            yield f"  {dotted}.{name}{_parameters(value)}"


def _parameters(function: Any) -> str:
    """Names, kinds and whether there is a default: what callers depend on."""
    signature = inspect.signature(inspect.unwrap(function))
    parameters = [
        each.replace(
            annotation=inspect.Parameter.empty,
            default=each.empty if each.default is each.empty else _SOMETHING,
        )
        for each in signature.parameters.values()
    ]
    return str(inspect.Signature(parameters))


class _Something:
    def __repr__(self) -> str:
        return "…"


_SOMETHING = _Something()


def test_public_names_and_what_they_take_are_these() -> None:
    described = "\n".join([*_described(endstop), *_described(endstop.crewai)]) + "\n"
    assert described == PINNED.read_text(encoding="utf-8"), f"{PINNED} would have to be:\n{described}"


def test_the_import_of_the_package_loads_neither_crewai_nor_the_drop_in() -> None:
    code = "import sys, endstop; print([name for name in sys.modules if 'crewai' in name])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
