"""A call made from inside a body joins the tree, also from a worker and from a process that the body starts."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from endstop import ToolExecutor
from endstop.client.engine import shared_engine
from endstop.frames import FrameDecoder, encode
from tests.outside import joining_tools
from tests.support.fake_engine import eventually
from tests.support.leaks import LeakDetector

PLACES = {
    "a worker": ("nested", "worker", ()),
    "an executor made in a worker": ("nested_of_its_own", "worker", ()),
    "a subprocess": ("in_subprocess", "host", ()),
    "a subprocess of a worker": ("in_subprocess", "worker", ()),
    "a fork": ("in_fork", "host", ()),
    "a fork of a worker": ("in_fork", "worker", ()),
    "a process of multiprocessing, forked": ("in_multiprocessing", "host", ("fork",)),
    "a process of multiprocessing, spawned": ("in_multiprocessing", "host", ("spawn",)),
}
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that child processes find the tools."""
    here = str(Path(__file__).parents[2])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([here, os.path.join(here, "src")]))


class Caller:
    """Calls one of `joining_tools` where it is placed."""

    def __init__(self, executor: ToolExecutor) -> None:
        self.executor = executor

    def __call__(self, name: str, placement: str, *args: Any, **limits: Any) -> Any:
        outer = f"outer-{name}-{placement}"
        tool = getattr(joining_tools, name)
        self.executor.register(lambda: tool(*args), name=outer, placement=placement, timeout="40s", **limits)
        value = self.executor.execute_tool(outer)
        return eval(value) if isinstance(value, str) else value


@pytest.fixture
def call(executor: ToolExecutor) -> Caller:
    return Caller(executor)


@pytest.mark.parametrize("place", PLACES)
def test_a_call_made_in_it_has_the_path_of_the_body_that_made_it(call: Caller, place: str) -> None:
    name, placement, args = PLACES[place]
    assert call(name, placement, *args, "leaf", "x") == ((f"outer-{name}-{placement}", "leaf"), None)


@pytest.fixture
def shallow(leaks: LeakDetector) -> Iterator[Caller]:
    with ToolExecutor(max_recursion_depth=1) as executor:
        yield Caller(executor)
    shared_engine().end("the test is over")


@pytest.mark.parametrize("place", PLACES)
def test_the_depth_limit_of_the_outer_engine_holds_in_it(shallow: Caller, place: str) -> None:
    name, placement, args = PLACES[place]
    assert shallow(name, placement, *args, "leaf", "x") == ((f"outer-{name}-{placement}", "leaf"), "depth-exceeded")


@pytest.mark.parametrize("place", ["a worker", "a subprocess", "a fork"])
def test_a_call_that_is_its_own_ancestor_is_refused_in_it(executor: ToolExecutor, place: str) -> None:
    """The body calls a tool of its own name with its own input."""
    name, placement, args = PLACES[place]
    function = getattr(joining_tools, name)
    executor.register(lambda text: function(*args, "leaf", text), name="leaf", placement=placement, timeout="40s")
    value = executor.execute_tool("leaf", {"text": "x"})
    assert (eval(value) if isinstance(value, str) else value) == (("leaf", "leaf"), "ancestor-cycle")


def test_one_budget_counts_the_calls_of_all_its_processes(executor: ToolExecutor, leaks: LeakDetector) -> None:
    with ToolExecutor(budget_calls=6) as bounded:
        call = Caller(bounded)
        with bounded.run():
            assert call("outcomes_of", "worker", "grandchild", 1) == [None]
            # So far three: the outer one, grandchild, and the leaf in its process. Now the outer one, and two are left.
            assert call("outcomes_of", "host", "leaf", 4) == [None, None, "budget-exceeded", "budget-exceeded"]
            bounded.register(joining_tools.leaf)
            outcome = bounded.try_execute_tool("leaf")
            assert outcome.failure is not None
            assert outcome.failure.code == "budget-exceeded"


def test_a_limit_per_run_counts_the_calls_of_all_its_processes(call: Caller) -> None:
    with call.executor.run():
        assert call("in_subprocess", "host", "limited in a run")[1] is None
        assert call("outcomes_of", "worker", "limited in a run", 3) == [None, None, "usage-limit"]
    assert call("nested", "worker", "limited in a run")[1] is None


def test_an_executor_of_a_module_counts_over_all_the_workers_that_have_it(call: Caller) -> None:
    call.executor.register(lambda: joining_tools.nested("limited"), name="one", placement="worker")
    codes = [call.executor.execute_tool("one")[1] for _ in range(5)]
    assert codes == [None, None, None, "usage-limit", "usage-limit"]


def test_an_input_larger_than_a_guest_s_header_still_reaches_its_tool(call: Caller) -> None:
    text = "é" * 900_000
    assert call("nested", "worker", "leaf", text) == (("outer-nested-worker", "leaf"), None)
    assert call("nested_of_its_own", "worker", "leaf", text) == (("outer-nested_of_its_own-worker", "leaf"), None)


def test_workers_that_wait_for_each_other_all_get_a_place(call: Caller) -> None:
    """Ten deep, where four bodies may run at once on a small machine."""
    with ToolExecutor(max_recursion_depth=10) as deep:
        deep.register(joining_tools.ping, name="first", placement="worker", timeout="40s")
        levels = deep.execute_tool("first", {"level": 0})
    assert [code for _, code in levels] == [None] * 9 + ["depth-exceeded"]
    assert levels[-1][0] == ("first", *("pong", "ping") * 5)


def test_the_process_of_a_call_that_is_over_is_no_guest_any_more(executor: ToolExecutor, tmp_path: Path) -> None:
    told = tmp_path / "told"
    executor.register(joining_tools.leave_a_child, timeout="40s")
    executor.execute_tool("leave_a_child", {"told": str(told)})
    assert eventually(lambda: told.read_text().count("\n") == 2)
    assert told.read_text().splitlines() == [
        "(('leave_a_child', 'leaf'), None)",
        "(('leaf',), None) True",
    ]


def test_a_deadline_of_a_worker_ends_what_it_was_calling(executor: ToolExecutor, tmp_path: Path) -> None:
    started = tmp_path / "started"
    executor.register(joining_tools.hang_with_a_nested_call, placement="worker", timeout="3s")
    executor.register(joining_tools.leaf, placement="worker")
    outcome = executor.try_execute_tool("hang_with_a_nested_call", {"started": str(started)})
    assert outcome.status == "timed-out"
    assert started.exists()
    assert executor.execute_tool("leaf", {"text": "next"}) == "next"


def test_a_guest_that_dies_ends_its_calls_as_cancelled_with_an_unknown_effect(leaks: LeakDetector) -> None:
    executor = ToolExecutor(budget_calls=4)
    executor.register(joining_tools.child_that_dies_in_its_call, timeout="40s")
    with executor.run():
        assert executor.execute_tool("child_that_dies_in_its_call", {"code": 9}) == 9
        assert executor.execute_tool("child_that_dies_in_its_call", {"code": 8}) == 8
        # Two bodies each: what may have begun is not given back.
        outcome = executor.try_execute_tool("child_that_dies_in_its_call", {"code": 7})
        assert outcome.failure is not None
        assert outcome.failure.code == "budget-exceeded"
    executor.close()
    shared_engine().end("the test is over")


def _dial(told: str) -> dict[str, Any] | None:
    """What the engine answers to who shows this; None if it closes the door."""
    token, call, path = told.split(" ", 2)
    with socket.socket(socket.AF_UNIX) as dialed:
        dialed.settimeout(10)
        dialed.connect(path)
        from endstop._version import __version__

        guest = {"call": call, "token": token}
        dialed.sendall(encode({"type": "hello", "protocol": 1, "version": __version__, "pid": 1, "guest": guest}))
        decoder = FrameDecoder()
        while data := dialed.recv(4096):
            for frame in decoder.feed(data):
                return frame.header
    return None


def test_only_the_token_of_a_call_in_flight_opens_the_door(executor: ToolExecutor) -> None:
    told: list[str] = []

    def look() -> dict[str, Any] | None:
        from endstop.client.inviting import current_invitation

        told.append(current_invitation() or "")
        token, rest = told[0].split(" ", 1)
        assert _dial(f"{token[:-1]}{'A' if token[-1] != 'A' else 'B'} {rest}") is None
        assert _dial(f" {rest}") is None
        return _dial(told[0])

    executor.register(look)
    assert (executor.execute_tool("look") or {})["type"] == "ready"
    assert _dial(told[0]) is None


def test_nothing_is_handed_to_a_process_that_no_body_starts(executor: ToolExecutor) -> None:
    import subprocess

    executor.register(joining_tools.leaf)
    executor.execute_tool("leaf")
    command = [sys.executable, "-c", "import os; print(os.environ.get('ENDSTOP_CALL'))"]
    assert subprocess.run(command, stdout=subprocess.PIPE, text=True).stdout == "None\n"
    executor.register(lambda: subprocess.run(command, stdout=subprocess.PIPE, text=True).stdout, name="inside")
    assert executor.execute_tool("inside") != "None\n"
    assert "ENDSTOP_CALL" not in os.environ


def test_a_child_of_a_worker_finds_the_host_s_environment_in_its_own_worker_calls(
    executor: ToolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor.register(joining_tools.variable_in_a_nested_worker, placement="worker", timeout="40s")
    executor.execute_tool("variable_in_a_nested_worker", {"name": "ENDSTOP_TEST_SET_LATER"})
    monkeypatch.setenv("ENDSTOP_TEST_SET_LATER", "set")
    assert executor.execute_tool("variable_in_a_nested_worker", {"name": "ENDSTOP_TEST_SET_LATER"}) == "set"
    monkeypatch.delenv("ENDSTOP_TEST_SET_LATER")
    assert executor.execute_tool("variable_in_a_nested_worker", {"name": "ENDSTOP_TEST_SET_LATER"}) is None
