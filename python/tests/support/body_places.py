"""Finds where the installed CrewAI calls something that may be a tool's body, or hands it on to be called."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import crewai

_BODIES = frozenset({"run", "arun", "_run", "_arun", "invoke", "ainvoke", "func"})
_CALLED_NAMES = frozenset({"fn", "func", "tool_func", "tool_fn", "tool", "function"})
_NOT_TOOLS = frozenset({"asyncio", "subprocess", "anyio", "loop", "uvicorn", "ctx", "runner", "contextvars"})
_MODULES_WITHOUT_TOOLS = ("cli", "experimental/evaluation")


def body_places() -> set[str]:
    """Each as `module:function expression`. A call ends with `()`; without, the method itself is handed on."""
    root = Path(crewai.__file__).parent
    places: set[str] = set()
    for file in sorted(root.rglob("*.py")):
        name = file.relative_to(root).with_suffix("").as_posix()
        if not name.startswith(_MODULES_WITHOUT_TOOLS):
            tree = ast.parse(file.read_text(encoding="utf-8"))
            places.update(f"{name.replace('/', '.')}:{found}" for found in _in_scope(tree, ()))
    return places


def _in_scope(node: ast.AST, scope: tuple[str, ...], *, called: bool = False) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        scope = (*scope, node.name)
    if _may_be_body(node, called=called):
        yield f"{'.'.join(scope)} {ast.unparse(node)}{'()' if called else ''}"
    for child in ast.iter_child_nodes(node):
        yield from _in_scope(child, scope, called=isinstance(node, ast.Call) and child is node.func)


def _may_be_body(node: ast.AST, *, called: bool) -> bool:
    if isinstance(node, ast.Name):
        return called and node.id in _CALLED_NAMES
    if not isinstance(node, ast.Attribute) or node.attr not in _BODIES or not isinstance(node.ctx, ast.Load):
        return False
    return not (isinstance(node.value, ast.Name) and node.value.id in _NOT_TOOLS)
