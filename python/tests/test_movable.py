"""Tools and arguments move to a worker by reference or by value; what cannot move is named down to its part."""

from __future__ import annotations

import functools
import pickle
import socket
import ssl
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import certifi
import pydantic
import pytest

from endstop.client.closures import closure_warnings
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


class Connected(pydantic.BaseModel):
    address: str
    limit: int = 5
    _client: Any = pydantic.PrivateAttr(default=None)
    _calls: int = pydantic.PrivateAttr(default=0)

    def model_post_init(self, context: Any) -> None:
        self._client = Unsendable(self.address)


class Unsendable:
    def __init__(self, address: str) -> None:
        self.address = address

    def __reduce__(self) -> Any:
        raise TypeError("a live connection")


class Holder:
    def __init__(self, part: Any) -> None:
        self.part = part


def test_a_model_whose_private_part_cannot_move_is_made_again_from_its_fields() -> None:
    model = Connected(address="there", limit=7)
    model._calls = 3
    copy = rebuilt(Holder([model])).part[0]
    assert (copy.address, copy.limit, copy._calls, copy._client.address) == ("there", 7, 3, "there")


def test_a_field_that_its_owner_has_set_is_never_left_out() -> None:
    class Set(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)
        client: Unsendable | None = None

    with pytest.raises(CannotMove) as problem:
        movable(Set(client=Unsendable("mine")))
    assert problem.value.detail == f"tool.client: {__name__}.Unsendable"


def test_an_ssl_context_trusts_the_same_authorities_in_a_worker_and_no_others() -> None:
    one = ssl.create_default_context(cafile=certifi.where())
    none = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    lenient = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    lenient.check_hostname = False
    lenient.verify_mode = ssl.CERT_NONE
    for context in (one, none, lenient):
        copy = rebuilt(Holder(context)).part
        assert copy.get_ca_certs() == context.get_ca_certs()
        for name in ("verify_mode", "check_hostname", "options", "minimum_version", "verify_flags"):
            assert getattr(copy, name) == getattr(context, name)
    assert len(one.get_ca_certs()) > 50


def asks() -> str:
    return input("Sure? ")


def has_an_attribute_of_that_name(request: Any) -> Any:
    return request.input


def test_a_tool_that_waits_for_a_person_stays_on_the_host() -> None:
    with pytest.raises(CannotMove, match="it waits for a person"):
        movable(asks)
    assert movable(has_an_attribute_of_that_name).modules == (__name__,)


@pytest.mark.timeout(180)  # it imports crewai: seconds on an idle machine
def test_tools_of_memory_and_delegation_stay_on_the_host() -> None:
    from crewai.tools.agent_tools.delegate_work_tool import DelegateWorkTool
    from crewai.tools.memory_tools import RecallMemoryTool

    for kind, reason in ((DelegateWorkTool, "hands work to an agent"), (RecallMemoryTool, "crew's memory")):
        with pytest.raises(CannotMove, match=reason):
            movable(kind.model_construct(name="n", description="d"))


def test_a_tool_is_warned_of_that_closes_over_mutable_objects_of_the_host() -> None:
    rows: list[int] = []
    limit = 5

    def collect(row: int) -> int:
        rows.append(row)
        return limit

    [warning] = closure_warnings(collect)
    assert warning.startswith("rows is a list of the host: a worker has a copy")
    assert [text.split(" is ")[0] for text in closure_warnings(Kept([1]).run)] == ["self.value"]
    assert [text.split(" is ")[0] for text in closure_warnings(functools.partial(collect, {}))] == [
        "argument 0",
        "rows",
    ]
    assert closure_warnings(at_module_level) == []
