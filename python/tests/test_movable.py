"""Tools and arguments move to a worker by reference or by value; what cannot move is named down to its part."""

from __future__ import annotations

import functools
import pickle
import socket
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from endstop.client.movable import CannotMove, dump_arguments, movable


def at_module_level(x: int) -> int:
    return x + 1


class Kept:
    """As a CrewAI tool does, it holds a lock."""

    def __init__(self, value: Any) -> None:
        self.value = value
        self.lock = threading.Lock()
        self.again = threading.RLock()

    def run(self) -> Any:
        return self.value


def content(tool: Any) -> tuple[Any, ...]:
    moved = pickle.loads(movable(tool).payload)
    assert isinstance(moved, tuple)
    return moved


def rebuilt(tool: Any) -> Any:
    kind, data = content(tool)
    assert kind == "value"
    return pickle.loads(data)


def test_a_function_of_a_module_moves_by_reference() -> None:
    moved = movable(at_module_level)
    assert pickle.loads(moved.payload) == ("reference", __name__, "at_module_level")
    assert moved.modules == (__name__,)


@pytest.mark.parametrize("kind", ["lambda", "closure", "of __main__", "shadowed"])
def test_a_function_that_a_worker_cannot_import_moves_by_value(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    step = 5

    def closure(x: int) -> int:
        return x + step

    def shadowed(x: int) -> int:
        return x + 5

    shadowed.__qualname__ = "at_module_level"
    main = ModuleType("__main__")
    exec("def add(x):\n    return x + 5", main.__dict__)
    monkeypatch.setitem(sys.modules, "__main__", main)
    functions = {"lambda": lambda x: x + 5, "closure": closure, "of __main__": main.add, "shadowed": shadowed}
    assert rebuilt(functions[kind])(2) == 7


def test_an_object_moves_by_value_with_fresh_locks_and_names_its_module() -> None:
    tool = Kept([1])
    with tool.lock, tool.again:
        copy = rebuilt(tool)
    assert copy.run() == [1]
    assert copy.lock.acquire(blocking=False)
    assert copy.again.acquire(blocking=False)
    assert __name__ in movable(tool).modules


def test_a_partial_and_a_bound_method_move_with_what_they_hold() -> None:
    assert rebuilt(functools.partial(at_module_level, 3))() == 4
    assert rebuilt(Kept("x").run)() == "x"


def test_the_same_tool_has_the_same_key_and_another_state_another() -> None:
    assert movable(Kept(1)).key == movable(Kept(1)).key
    assert movable(Kept(1)).key != movable(Kept(2)).key
    assert movable(at_module_level).key == movable(at_module_level).key


class Refuses:
    def __reduce__(self) -> Any:
        raise RuntimeError("I do not move")


class Slotted:
    def __init__(self) -> None:
        self.client = Refuses()


def test_the_part_of_a_tool_that_cannot_move_is_named() -> None:
    client, other = socket.socketpair()
    connection = Refuses()

    def search() -> Any:
        return connection

    name = f"{__name__}.Refuses"
    cases: list[tuple[Any, str]] = [
        (Kept([client]), "tool.value[0]: socket.socket"),
        (Kept({"a": [0, Slotted()]}), f"tool.value['a'][1].client: {name}"),
        (search, f"tool.connection: {name}"),
        (functools.partial(at_module_level, connection), f"tool.args[0]: {name}"),
        (Kept(connection).run, f"tool.__self__.value: {name}"),
    ]
    try:
        for tool, detail in cases:
            with pytest.raises(CannotMove) as found:
                movable(tool)
            assert found.value.detail == detail
    finally:
        client.close()
        other.close()


def test_a_global_that_a_function_of_main_uses_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    main = ModuleType("__main__")
    main.__dict__["client"] = Refuses()
    exec("def search():\n    return client", main.__dict__)
    monkeypatch.setitem(sys.modules, "__main__", main)
    with pytest.raises(CannotMove, match=r"^tool\.client: "):
        movable(main.search)


def test_arguments_move_as_they_are() -> None:
    args, kwargs = pickle.loads(dump_arguments((1, Path("/x")), {"text": "a", "tool": Kept(3)}))
    assert args == (1, Path("/x"))
    assert (kwargs["text"], kwargs["tool"].run()) == ("a", 3)


def test_the_argument_that_cannot_move_is_named() -> None:
    with pytest.raises(CannotMove) as found:
        dump_arguments((), {"query": "x", "options": {"limits": (1, Refuses())}})
    assert found.value.detail == f"args.options['limits'][1]: {__name__}.Refuses"
    with pytest.raises(CannotMove) as found:
        dump_arguments((1, [Refuses()]), {})
    assert found.value.detail == f"args[1][0]: {__name__}.Refuses"


def test_the_search_for_the_part_ends_in_a_structure_that_contains_itself() -> None:
    circle: list[Any] = []
    circle += [circle, {"back": circle, "worst": Refuses()}]
    with pytest.raises(CannotMove, match=r"^tool\.value"):
        movable(Kept(circle))
