"""Without an engine a crew goes on with what Python alone can keep, or is refused, as `install()` was told."""

from __future__ import annotations

import asyncio
import os
import threading
import time
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from crewai.tools import BaseTool, tool
from crewai.tools.tool_failure import ToolExecutionFailedError

from endstop import EngineError, Outcome
from endstop.client.engine import SharedEngine
from endstop.client.journal import StartedBodies
from endstop.client.local_outcomes import CallFacts
from endstop.client.process import engine_command
from endstop.client.session import CallRequest, Session
from endstop.crewai import install
from endstop.crewai.fallback import Fallback
from endstop.demo.scripted import Ask
from tests.support.crews import PATHS, make_crew, plain_crewai_afterwards, run_crew  # noqa: F401

each_path = pytest.mark.parametrize("path", PATHS)
NO_NODE = EngineError("node-not-found", "No Node >= 22.18 was found.")


class Machine:
    """A machine whose Node can be taken away."""

    def __init__(self) -> None:
        self.has_node = False
        self.engine = SharedEngine(self._command)

    def _command(self) -> list[str]:
        if not self.has_node:
            raise NO_NODE
        return engine_command()

    def lose_engine(self) -> None:
        connection = self.engine.live_connection
        assert connection is not None
        self.has_node = False
        connection.process.kill()


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    machine = Machine()
    monkeypatch.setattr("endstop.client.session.shared_engine", lambda: machine.engine)
    yield machine
    machine.engine.end("the test is over")


class Counting(BaseTool):
    name: str = "count"
    description: str = "Counts."
    bodies: int = 0
    before: Any = None

    def _run(self, n: int) -> str:
        self.bodies += 1
        if self.before is not None:
            self.before(n)
        return f"{n} counted"


def asks(count: int) -> list[Any]:
    return [*[Ask("count", {"n": n}) for n in range(count)], "done"]


@pytest.mark.usefixtures("machine")
@each_path
def test_a_crew_without_node_gives_its_answer_and_one_warning(path: str) -> None:
    install()
    counting = Counting()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        first = run_crew([counting], asks(3), path=path)
        second = run_crew([counting], asks(3), path=path, cache=False)
    assert (first.answer, second.answer) == ("done", "done")
    assert [text.split("\n")[0] for text in first.tool_texts] == ["0 counted", "1 counted", "2 counted"]
    assert counting.bodies == 6
    (warned,) = [each for each in told if each.category is RuntimeWarning]
    assert "goes on without its engine" in str(warned.message)
    assert "No Node >= 22.18 was found" in str(warned.message)


@pytest.mark.usefixtures("machine")
@pytest.mark.filterwarnings("ignore:endstop.crewai goes on")
@each_path
def test_without_an_engine_a_hung_tool_is_still_answered_on_time(path: str) -> None:
    install(timeout="200ms", preset="strict")
    released = threading.Event()
    started_s = time.monotonic()
    guarded = run_crew([Counting(before=lambda _n: released.wait(30))], asks(1), path=path)
    released.set()
    assert time.monotonic() - started_s < 5
    assert guarded.answer == "done"
    assert [record.failure.code for record in guarded.tool_failures] == ["timed-out"]
    assert "gave no answer within 200 ms" in guarded.tool_texts[0]


@pytest.mark.usefixtures("machine")
@pytest.mark.filterwarnings("ignore:endstop.crewai goes on")
@each_path
def test_without_an_engine_numbers_of_uses_hold_in_all_and_for_each_run(path: str) -> None:
    install(tools={"count": {"max_calls": 3, "max_calls_per_run": 2}})
    counting = Counting()
    crew, _ = make_crew([counting], lambda n, _m: asks(4)[(n - 1) % 5], path=path, cache=False)
    crew.kickoff()
    assert counting.bodies == 2
    crew.kickoff()
    assert counting.bodies == 3


@pytest.mark.usefixtures("machine")
@pytest.mark.filterwarnings("ignore:endstop.crewai goes on")
def test_without_an_engine_a_use_that_no_body_had_is_given_back() -> None:
    install(tools={"count": {"max_calls": 1}})
    counting = Counting()
    guarded = run_crew([counting], [Ask("count", {"n": "no number"}), Ask("count", {"n": 1}), "done"], cache=False)
    assert counting.bodies == 1
    assert guarded.tool_texts[1] == "1 counted"


@pytest.mark.filterwarnings("ignore:endstop.crewai goes on")
@each_path
def test_uses_before_the_engine_was_lost_count_afterwards(path: str, machine: Machine) -> None:
    machine.has_node = True
    install(tools={"count": {"max_calls": 4, "max_calls_per_run": 3}})

    def lose(n: int) -> None:
        if n == 1 and machine.has_node:
            machine.lose_engine()

    counting = Counting(before=lose)
    guarded = run_crew([counting], asks(5), path=path, cache=False)
    assert guarded.answer == "done"
    assert counting.bodies == 3, "two before the loss, one after it: three a run"
    assert [text.split("\n")[0] for text in guarded.tool_texts[:3]] == ["0 counted", "1 counted", "2 counted"]
    assert "all 3 allowed calls are used" in guarded.tool_texts[3]
    run_crew([counting], asks(5), path=path, cache=False)
    assert counting.bodies == 4


@pytest.mark.filterwarnings("ignore:endstop.crewai goes on")
def test_where_the_journal_is_gone_too_a_limited_tool_is_not_run(machine: Machine) -> None:
    machine.has_node = True
    install(tools={"count": {"max_calls": 4}})

    def lose(_n: int) -> None:
        if machine.has_node:
            machine.lose_engine()
            for name in os.listdir(machine.engine.journal_directory or ""):
                os.unlink(os.path.join(machine.engine.journal_directory or "", name))

    counting = Counting(before=lose)
    guarded = run_crew([counting], asks(2), cache=False)
    assert counting.bodies == 1
    assert [record.failure.code for record in guarded.tool_failures] == ["history-lost"]


@pytest.mark.usefixtures("machine")
@pytest.mark.filterwarnings("ignore:endstop.crewai goes on")
def test_without_an_engine_crewais_own_search_for_repetitions_is_at_work() -> None:
    install()
    with pytest.raises(ToolExecutionFailedError, match="count"):
        run_crew([Counting()], [*[Ask("count", {"n": 1})] * 12, "done"])


@pytest.mark.usefixtures("machine")
@pytest.mark.filterwarnings("ignore:endstop.crewai goes on")
def test_without_an_engine_an_async_tool_runs_and_is_bounded() -> None:
    install(timeout="100ms")

    @tool("nap")
    async def nap(seconds: float) -> str:
        """Sleeps."""
        await asyncio.sleep(seconds)
        return "slept"

    async def both() -> list[Any]:
        return await asyncio.gather(nap.arun(seconds=0), nap.arun(seconds=5), return_exceptions=True)

    slept, late = asyncio.run(both())
    assert slept == "slept"
    assert "deadline" in str(late)


@pytest.mark.usefixtures("machine")
@each_path
def test_fallback_fail_refuses_the_kickoff_before_the_model_is_asked(path: str) -> None:
    install(fallback="fail")
    crew, model = make_crew([Counting()], asks(1), path=path)
    with pytest.raises(EngineError, match=r'(?s)No Node.*fallback="fail" was said') as refused:
        crew.kickoff()
    assert refused.value.code == "node-not-found"
    assert model.calls == 0


@each_path
def test_fallback_fail_ends_the_kickoff_in_which_the_engine_is_lost(path: str, machine: Machine) -> None:
    machine.has_node = True
    install(fallback="fail")
    counting = Counting(before=lambda _n: machine.lose_engine())
    with pytest.raises(EngineError, match="No Node"):
        run_crew([counting], asks(3), path=path, cache=False)
    assert counting.bodies == 1


@pytest.mark.usefixtures("machine")
def test_fallback_fail_refuses_a_tool_that_code_calls() -> None:
    install(fallback="fail")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(EngineError, match="No Node"):
            Counting().run(n=1)


def test_a_fallback_that_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match='fallback must be "plain" or "fail", got \'maybe\''):
        install(fallback="maybe")  # type: ignore[arg-type]


_POLICIES: list[dict[str, Any]] = [
    *[{"kind": kind} for kind in ("ordinary", "delegation", "human", "mcp")],
    {"kind": "delegation", "timeoutMs": 5_000},
    {"kind": "mcp", "timeoutMs": None},
]
_OPTIONS: list[dict[str, Any]] = [
    *[{"preset": preset} for preset in ("lenient", "standard", "strict")],
    {"timeoutMs": 7_000},
    {"agents": {"Tester": {"timeoutMs": 3_000}}, "timeoutMs": None},
]


def test_deadlines_are_those_that_the_engine_would_have_named() -> None:
    for options in _OPTIONS:
        session = Session(options)
        fallback = Fallback(NO_NODE, session.name, options, session.started_bodies())
        for number, policy in enumerate(_POLICIES):
            session.register(f"tool{number}", policy)
            for agent in ("Tester", None):
                described = session.describe(f"tool{number}", agent)
                assert described is not None
                ticket = fallback.admit(CallRequest(f"tool{number}", agent_name=agent), policy)
                assert not hasattr(ticket, "failure")
                assert ticket.timeout_ms == described["timeoutMs"]["value"], (options, policy, agent)  # type: ignore[union-attr]
        session.close()


def test_the_time_of_an_agent_bounds_a_call_without_an_engine() -> None:
    fallback = Fallback(NO_NODE, "s", {"timeoutMs": 500.0}, None)
    bounds = [fallback.admit(CallRequest("t", within_ms=within), {}) for within in (100.0, 900.0, None)]
    assert [ticket.timeout_ms for ticket in bounds] == [100.0, 500.0, 500.0]  # type: ignore[union-attr]


def test_what_the_client_knows_of_a_call_starts_its_clock_at_the_call() -> None:
    assert CallFacts("c", "t", "host").elapsed_ms < 1_000


def test_a_tool_that_runs_once_for_one_input_does_so_without_an_engine() -> None:
    policy = {"once": True}
    fresh = Fallback(NO_NODE, "s", {}, StartedBodies())
    assert code(fresh.admit(CallRequest("pay", {"a": 1, "b": 2}, run="r"), policy)) is None
    assert code(fresh.admit(CallRequest("pay", {"b": 2, "a": 1}, run="r"), policy)) == "already-done"
    assert code(fresh.admit(CallRequest("pay", {"a": 1}, run="r"), policy)) is None
    assert code(fresh.admit(CallRequest("pay", {"a": 1, "b": 2}, run="other"), policy)) is None
    # What an engine that is lost has run with which input is not known.
    started = StartedBodies()
    started.add("pay", "r")
    assert code(Fallback(NO_NODE, "s", {}, started).admit(CallRequest("pay", {}, run="r"), policy)) == "history-lost"


def code(admitted: Any) -> str | None:
    return admitted.failure.code if isinstance(admitted, Outcome) else None


def test_without_an_engine_no_text_has_a_secret_of_the_input() -> None:
    fallback = Fallback(NO_NODE, "s", {"redact": ["pin"]}, StartedBodies())

    def texts(limits: dict[str, Any]) -> str:
        def refuse() -> None:
            arguments["pin"] = "gone"
            raise ValueError("no door for 4711-x") from KeyError("4711-x")

        told = []
        for end in (lambda ticket: ticket.run(refuse), lambda ticket: ticket.invalid("4711-x is no pin")):
            arguments = {"pin": "4711-x"}
            ticket = fallback.admit(CallRequest("open", arguments), limits)
            told.append(end(ticket).failure)
        return repr(told)

    assert "4711-x" not in texts({})
    assert "no door for ***" in texts({})
    assert "4711-x" in texts({"redact": ["password"]})
