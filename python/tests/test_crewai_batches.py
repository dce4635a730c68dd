"""Several native tool calls in one answer of the model: at once, in order, and one that hangs holds up no other."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from crewai.tools import tool
from hypothesis import given
from hypothesis import strategies as st

import endstop.crewai
from endstop.client.limits import EffectiveLimit
from endstop.crewai import describe, install
from endstop.crewai.batches import BatchThreads, plan
from endstop.demo.scripted import Ask
from tests.support.crews import plain_crewai_afterwards, run_crew  # noqa: F401


class Together:
    """How many bodies ran at once."""

    def __init__(self) -> None:
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._now -= 1


@pytest.mark.parametrize("max_usage_count", [None, 100])
def test_twenty_calls_run_at_once_and_the_model_reads_their_results_in_order(max_usage_count: int | None) -> None:
    together = Together()

    @tool("wait", max_usage_count=max_usage_count)
    def wait(n: int) -> str:
        """Waits."""
        with together:
            time.sleep(0.5)
            return f"result {n}"

    install(timeout="20s", max_batch=20)
    result = run_crew([wait], [[Ask("wait", {"n": n}) for n in range(20)], "done"])
    assert together.most == 20
    assert result.tool_texts == [f"result {n}" for n in range(20)]
    assert describe(wait)["max_batch"] == EffectiveLimit(20, "engine")


@pytest.mark.parametrize("options", [{}, {"max_usage_count": 100}, {"result_as_answer": True}])
@pytest.mark.parametrize("asked", [5, 60])
def test_no_more_bodies_of_an_answer_run_at_once_than_on_plain_crewai(options: dict[str, Any], asked: int) -> None:
    def most_at_once() -> int:
        together = Together()

        @tool("wait", **options)
        def wait(n: int) -> str:
            """Waits."""
            with together:
                time.sleep(0.02)
                return f"result {n}"

        run_crew([wait], [[Ask("wait", {"n": n}) for n in range(asked)], "done"], cache=False)
        return together.most

    plain = most_at_once()
    install()
    assert most_at_once() <= plain <= 8
    # With a number of its own the rules of CrewAI's two options are kept by order.
    endstop.crewai.uninstall()
    install(max_batch=3)
    assert most_at_once() <= 3


def test_a_batch_limit_that_cannot_be_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="max_batch must be at least 1, got 0"):
        install(max_batch=0)
    with pytest.raises(TypeError, match=r"max_batch must be a whole number, got 2\.5"):
        install(max_batch=2.5)  # type: ignore[arg-type]


def test_one_hung_tool_of_five_gives_the_other_four_to_the_model_on_time() -> None:
    never = threading.Event()

    @tool("quick", max_usage_count=10)
    def quick(n: int) -> str:
        """Is quick."""
        return f"result {n}"

    @tool("hang")
    def hang() -> str:
        """Hangs."""
        never.wait(20)
        return "too late"

    install(tools={"hang": {"timeout": "500ms"}}, timeout="20s")
    began = time.monotonic()
    asks = [Ask("hang"), *(Ask("quick", {"n": n}) for n in range(4))]
    try:
        result = run_crew([quick, hang], [asks, "done"])
        took_s = time.monotonic() - began
    finally:
        never.set()
    assert result.tool_texts[1:] == [f"result {n}" for n in range(4)]
    assert "gave no answer within 500 ms" in result.tool_texts[0]
    assert result.answer == "done"
    assert took_s < 5


def test_a_usage_limit_is_exact_and_goes_to_the_first_calls_of_the_answer() -> None:
    ran: list[int] = []

    @tool("limited", max_usage_count=2)
    def limited(n: int) -> str:
        """May run twice."""
        time.sleep(0.05)
        ran.append(n)
        return f"result {n}"

    install()
    result = run_crew([limited], [[Ask("limited", {"n": n}) for n in range(5)], "done"])
    assert sorted(ran) == [0, 1]
    assert result.tool_texts[:2] == ["result 0", "result 1"]
    assert all("usage limit of 2" in text for text in result.tool_texts[2:])


@pytest.mark.parametrize("fails", [False, True])
def test_a_result_that_is_the_answer_ends_the_batch_as_on_plain_crewai(fails: bool) -> None:
    ran: list[str] = []

    @tool("other")
    def other(n: int) -> str:
        """Any other tool."""
        ran.append(f"other {n}")
        return f"result {n}"

    @tool("final", result_as_answer=True)
    def final() -> str:
        """Its result is the answer."""
        ran.append("final")
        if fails:
            raise ValueError("no")
        return "the answer"

    script = [[Ask("other", {"n": 1}), Ask("final"), Ask("other", {"n": 2})], "done"]
    plain = run_crew([other, final], script)
    ran_plain, ran[:] = sorted(ran), []
    install()
    guarded = run_crew([other, final], script)
    assert sorted(ran) == ran_plain
    assert ran_plain == sorted(["other 1", "final", *(["other 2"] if fails else [])])
    assert (guarded.answer, guarded.model_calls) == (plain.answer, plain.model_calls)
    # The model is told an exception's type, too.
    assert guarded.tool_texts == [text.replace(": no", ": ValueError: no") for text in plain.tool_texts]


def test_engine_caps_hold_over_a_batch() -> None:
    together, on_database = Together(), Together()

    @tool("read")
    def read(n: int) -> str:
        """Reads."""
        with together, on_database:
            time.sleep(0.02)
            return f"result {n}"

    @tool("work")
    def work(n: int) -> str:
        """Works."""
        with together:
            time.sleep(0.02)
            return f"result {n}"

    install(max_total_concurrent=4, resources={"database": 2}, tools={"read": {"resources": ["database"]}})
    asks = [Ask(name, {"n": n}) for n in range(8) for name in ("read", "work")]
    result = run_crew([read, work], [asks, "done"])
    assert result.tool_texts == [f"result {n}" for n in range(8) for _ in range(2)]
    assert (together.most, on_database.most) == (4, 2)


class _Tool:
    def __init__(self, limit: int | None, is_final: bool) -> None:
        self.max_usage_count = limit
        self.current_usage_count = 0
        self.result_as_answer = is_final


@given(
    st.lists(st.tuples(st.one_of(st.none(), st.integers(0, 3)), st.booleans()), min_size=1, max_size=3),
    st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=8),
)
def test_the_same_calls_are_made_as_one_after_the_other_in_any_batch(
    kinds: list[tuple[int | None, bool]], asked: list[tuple[int, bool]]
) -> None:
    tools = [_Tool(*kind) for kind in kinds]
    calls = [(tools[index % len(tools)], succeeds) for index, succeeds in asked]

    def carry_out(made: list[int], index: int) -> dict[str, Any]:
        own, succeeds = calls[index]
        with lock:
            made.append(index)
            over = own.max_usage_count is not None and own.current_usage_count >= own.max_usage_count
            own.current_usage_count += not over
        return {"tool_failure": None if succeeds and not over else "failed", "over": over}

    lock = threading.Lock()
    one_by_one: list[int] = []
    expected: list[Any] = []
    for index, (own, _) in enumerate(calls):
        expected.append(carry_out(one_by_one, index))
        if own.result_as_answer and expected[-1]["tool_failure"] is None:
            break
    for own in tools:
        own.current_usage_count = 0
    made: list[int] = []
    with BatchThreads(plan([own for own, _ in calls]), 500) as pool:
        futures = [pool.submit(carry_out, made, index) for index in range(len(calls))]
    results = [future.result() for future in futures]
    assert sorted(made) == one_by_one
    assert [result for result in results if result is not None] == expected
