"""What stops an agent's tool calls, and in which form the agent hears of it."""

from __future__ import annotations

import threading
import time
from typing import Any, Literal
from unittest.mock import patch

import pytest
from crewai import Agent, Crew, Task
from crewai.tools import BaseTool, tool
from crewai.tools.tool_failure import ToolExecutionFailedError, ToolFailurePolicy, ToolFailureReason

from endstop.crewai import install
from endstop.demo.scripted import Ask, ScriptedLLM
from tests.support.crews import PATHS, make_crew, plain_crewai_afterwards, run_crew  # noqa: F401

each_path = pytest.mark.parametrize("path", PATHS)

POLL = Ask("job_state", {"job": 7})


class JobState(BaseTool):
    """A job that is never done, and says so in the same words or, `changing`, in new ones."""

    name: str = "job state"
    description: str = "Tells the state of a job."
    changing: bool = False
    bodies: int = 0

    def _run(self, job: int) -> str:
        self.bodies += 1
        return f"{self.bodies} %" if self.changing else "pending"


class Hanging(BaseTool):
    """Waits until the test lets it go."""

    name: str = "job state"
    description: str = "Hangs."
    released: Any = None

    def _run(self, job: int) -> str:
        self.released.wait(30)
        return "late"


@pytest.fixture
def hanging() -> Any:
    released = threading.Event()
    yield Hanging(released=released)
    released.set()


@each_path
@pytest.mark.parametrize("cache", [True, False])
def test_the_same_call_with_the_same_result_is_rejected_at_the_fourth(path: str, cache: bool) -> None:
    install()
    one = JobState()
    guarded = run_crew([one], [POLL, POLL, POLL, POLL, "done"], path=path, cache=cache)
    assert one.bodies == (1 if cache else 3)
    assert guarded.answer == "done"
    failures = [record.failure for record in guarded.tool_failures]
    assert [(failure.reason, failure.code) for failure in failures] == [
        (ToolFailureReason.REPEATED_CALL, "repeated-call")
    ]
    assert guarded.tool_texts[:2] == ["pending", "pending"]
    assert guarded.tool_texts[2].startswith("pending\n\n")
    assert "Note: job_state was called with this input 3 times" in guarded.tool_texts[2]
    assert "same input, same result" in guarded.tool_texts[3]


@each_path
def test_a_rejection_says_which_call_it_was(path: str) -> None:
    install(tools={"job state": {"max_calls": 1}})
    guarded = run_crew([JobState(changing=True)], [POLL, POLL, "done"], path=path, cache=False)
    (record,) = guarded.tool_failures
    assert record.failure.reason is ToolFailureReason.USAGE_LIMIT
    assert record.failure.details["path"] == ["job_state"]
    assert record.failure.details["call_id"]
    assert record.failure.message in guarded.tool_texts[1]


@each_path
def test_a_poll_goes_on_while_its_answer_changes(path: str) -> None:
    install(tools={"job_state": {"poller": True}})
    one = JobState(changing=True)
    guarded = run_crew([one], [*[POLL] * 50, "done"], path=path, cache=True, max_iter=60)
    assert one.bodies == 50
    assert guarded.tool_failures == []
    assert guarded.answer == "done"


@each_path
def test_the_failure_policy_raise_ends_the_run_at_a_rejection(path: str) -> None:
    install(tools={"job state": {"max_calls": 1}})
    one = JobState(changing=True, tool_failure_policy=ToolFailurePolicy.RAISE)
    with pytest.raises(ToolExecutionFailedError, match="all 1 allowed calls are used"):
        run_crew([one], [POLL, POLL, "done"], path=path, cache=False)
    assert one.bodies == 1


@each_path
def test_a_hung_tool_is_a_timed_out_failure_on_time_and_the_crew_goes_on(path: str, hanging: Hanging) -> None:
    install(timeout="200ms")
    started_s = time.monotonic()
    guarded = run_crew([hanging], [POLL, "done"], path=path)
    assert time.monotonic() - started_s < 5
    assert guarded.answer == "done"
    (record,) = guarded.tool_failures
    assert (record.failure.reason, record.failure.code) == (ToolFailureReason.EXCEPTION, "timed-out")
    assert "gave no answer within 200 ms" in guarded.tool_texts[0]


@each_path
def test_a_hung_tool_ends_when_the_time_of_its_agent_is_over(path: str, hanging: Hanging) -> None:
    install()
    crew, model = make_crew([hanging], [POLL, "too late"], path=path, max_execution_time=1)
    started_s = time.monotonic()
    with pytest.raises(TimeoutError, match="execution timed out after 1 seconds"):
        crew.kickoff()
    assert 0.9 < time.monotonic() - started_s < 5
    assert model.calls == 1


@each_path
def test_each_kickoff_is_a_run_of_its_own(path: str) -> None:
    install(tools={"job state": {"max_calls_per_run": 1}})
    one = JobState(changing=True)
    crew, _ = make_crew([one], [POLL, "done"], path=path)
    crew.kickoff_for_each([{"n": 1}, {"n": 2}])
    assert one.bodies == 2


@each_path
def test_tools_whose_bodies_call_each_other_stop_at_the_maximum_depth(path: str) -> None:
    install(max_depth=5, max_reentry=None)
    bodies: list[str] = []

    @tool("ping")
    def ping(n: int) -> str:
        """Calls pong."""
        bodies.append("ping")
        return str(pong.run(n=n + 1))

    @tool("pong")
    def pong(n: int) -> str:
        """Calls ping."""
        bodies.append("pong")
        return str(ping.run(n=n + 1))

    guarded = run_crew([ping, pong], [Ask("ping", {"n": 0}), "done"], path=path)
    assert bodies == ["ping", "pong", "ping", "pong", "ping"]
    assert guarded.answer == "done"
    assert "depth" in guarded.tool_texts[0]


def test_four_tools_of_one_batch_answer_although_a_fifth_hangs(hanging: Hanging) -> None:
    install(timeout="300ms")

    @tool("look up")
    def look_up(word: str) -> str:
        """Looks a word up."""
        return f"found {word}"

    batch = [POLL, *[Ask("look_up", {"word": str(n)}) for n in range(4)]]
    guarded = run_crew([hanging, look_up], [batch, "done"])
    assert guarded.tool_texts[1:] == ["found 0", "found 1", "found 2", "found 3"]
    assert "gave no answer" in guarded.tool_texts[0]


@pytest.mark.parametrize("placement", ["host", "worker"])
def test_delegation_has_no_deadline_of_its_own_and_stays_on_the_host(placement: Literal["host", "worker"]) -> None:
    install(timeout="200ms", placement=placement)

    def think_slowly(number: int, messages: Any) -> str:
        time.sleep(0.6)
        return "the coworker's word"

    boss_script = [
        Ask("delegate_work_to_coworker", {"task": "think", "context": "none", "coworker": "Helper"}),
        "done",
    ]
    coworker = ScriptedLLM.following(think_slowly)
    helper = Agent(role="Helper", goal="help", backstory="helps", llm=coworker)
    model = ScriptedLLM.following(boss_script)
    boss = Agent(role="Boss", goal="lead", backstory="leads", llm=model, allow_delegation=True)
    task = Task(description="Do it.", expected_output="What came of it.", agent=boss)
    output = Crew(agents=[boss, helper], tasks=[task]).kickoff()
    assert output.raw == "done"
    assert "the coworker's word" in str(model.last_messages)


class Large(BaseTool):
    name: str = "large"
    description: str = "Gives much."

    def _run(self) -> str:
        return "x" * 50_000


@each_path
@pytest.mark.parametrize("own_way", [True, False])
def test_the_model_reads_the_beginning_of_a_large_result(path: str, own_way: bool) -> None:
    install(max_result="1kB")
    # The model's window is so large that CrewAI itself would not store this one.
    bounded = run_crew([Large()], [Ask("large"), "done"], path=path, use_better_compaction=own_way)
    # What a listener of the crew hears is the whole.
    assert [len(event.output) for event in bounded.told.finished] == [50_000]
    text = bounded.tool_texts[0]
    assert text.startswith("large returned 50 kB; the first 95")
    assert len(text) <= 1_000


def test_a_large_result_that_crewai_stores_itself_is_left_to_it() -> None:
    install(max_result="1kB")
    crew, model = make_crew([Large()], [Ask("large"), "done"])
    with patch.object(type(model), "is_tool_result_overflowing_threshold", lambda *_: (True, 12_500)):
        crew.kickoff()
    text = next(str(message["content"]) for message in model.last_messages if message["role"] == "tool")
    assert "was stored as temporary artifact" in text


def test_a_large_result_that_is_the_answer_stays_whole() -> None:
    @tool("large", result_as_answer=True)
    def large() -> str:
        """Gives much."""
        return "x" * 50_000

    install(max_result="1kB")
    assert [len(run_crew([large], [Ask("large"), "done"], path=path).answer) for path in PATHS] == [50_000, 50_000]
