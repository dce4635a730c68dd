"""A result of any size and form, by whatever way: the model reads no more of it than `max_result`."""

from __future__ import annotations

import asyncio
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from crewai import Agent, Crew, Task
from crewai.agents.agent_adapters.langgraph.langgraph_tool_adapter import LangGraphToolAdapter
from crewai.agents.step_executor import StepExecutor
from crewai.llm import LLM
from crewai.tools import BaseTool
from crewai.utilities.planning_types import TodoItem

from endstop.client.local_ticket import LocalTicket
from endstop.client.session import CallRequest
from endstop.crewai import install
from endstop.crewai.fallback import Fallback
from endstop.demo.scripted import Ask, ScriptedLLM
from endstop.errors import EngineError
from tests.support.crews import PATHS, make_crew, plain_crewai_afterwards, run_crew  # noqa: F401

each_path = pytest.mark.parametrize("path", PATHS)
SIZE = 5_000_000
IMAGE = "VISION_IMAGE:image/png:"


class Large(BaseTool):
    name: str = "large"
    description: str = "Gives much."
    given: Any = "x" * SIZE
    nested: Any = None

    def _run(self, n: int = 0) -> Any:
        return self.given if self.nested is None else self.nested.run(n=n)[-3:]


FORMS = {
    "text": "x" * SIZE,
    "dict": {"rows": ["y" * 1_000] * 5_000},
    "list": ["z" * 1_000] * 5_000,
    "bytes": b"b" * SIZE,
    "image": IMAGE + "A" * SIZE,
    "no image": "VISION_IMAGE:" + "A" * SIZE,
}


def small(texts: list[str]) -> bool:
    return bool(texts) and all(len(text.encode()) <= 100_000 for text in texts)


@each_path
@pytest.mark.parametrize("form", FORMS)
def test_of_any_form_the_model_reads_the_beginning(path: str, form: str) -> None:
    install()
    told = run_crew([Large(given=FORMS[form])], [Ask("large", {"n": 1}), "done"], path=path)
    assert small(told.tool_texts), [len(text) for text in told.tool_texts]


@each_path
def test_asynchronous_kickoffs_and_answers_of_caches_are_bounded_too(path: str) -> None:
    install(tools={"kept": {"cache": True}})
    asks = [Ask("large", {"n": 1}), Ask("large", {"n": 1}), Ask("kept", {"n": 1}), Ask("kept", {"n": 1}), "done"]
    kept = Large(name="kept", given="x" * 900_000)
    crew, model = make_crew([Large(), kept], asks, path=path)
    asyncio.run(crew.akickoff())
    read = [str(message["content"]) for message in model.last_messages if message["role"] in ("tool", "assistant")]
    assert sum("returned" in text for text in read) >= 2
    assert max(map(len, read)) <= 110_000


@each_path
def test_what_a_coworker_answers_is_bounded(path: str) -> None:
    install()
    native = path == "native"
    writer = ScriptedLLM.following(["w" * SIZE], native=native)
    delegation = Ask("delegate_work_to_coworker", {"task": "t", "context": "c", "coworker": "Writer"})
    boss = ScriptedLLM.following([delegation, "done"], native=native)
    common = {"goal": "g", "backstory": "b", "verbose": False}
    lead = Agent(role="Lead", llm=boss, allow_delegation=True, **common)
    agents = [lead, Agent(role="Writer", llm=writer, **common)]
    Crew(agents=agents, tasks=[Task(description="d", expected_output="e", agent=lead)]).kickoff()
    assert max(len(str(message["content"])) for message in boss.last_messages) <= 110_000


def _steps(tool: BaseTool, *, native: bool) -> StepExecutor:
    model = ScriptedLLM.following(["done"], native=native)
    agent = Agent(role="r", goal="g", backstory="b", llm=model, tools=[tool])
    return StepExecutor(model, [tool.to_structured_tool()], agent, original_tools=[tool])


@each_path
@pytest.mark.parametrize(("size", "is_image"), [(2_000_000, True), (25_000_000, False)])
def test_a_step_has_an_image_that_a_model_can_take_and_nothing_larger(path: str, size: int, is_image: bool) -> None:
    install()
    tool = Large(given=IMAGE + "A" * size)
    steps = _steps(tool, native=path == "native")
    todo = TodoItem(step_number=1, description="d")
    messages: list[Any] = []
    if path == "native":
        call = SimpleNamespace(id="1", type="function", function=SimpleNamespace(name="large", arguments='{"n": 1}'))
        steps._execute_native_tool_calls([call], messages, todo, [], {})
        content = messages[-1]["content"]
    else:
        asked = SimpleNamespace(tool="large", tool_input='{"n": 1}', text="Action: large\nAction Input: {}", thought="")
        content = steps._build_observation_message(steps._execute_text_tool_with_events(asked, todo))["content"]
    assert isinstance(content, list) == is_image
    assert len(str(content)) <= (size + 1_000 if is_image else 110_000)


@pytest.mark.parametrize("form", FORMS)
def test_a_model_class_that_calls_functions_itself_reads_the_beginning(form: str) -> None:
    install()
    tool = Large(given=FORMS[form])
    call = SimpleNamespace(id="1", function=SimpleNamespace(name="large", arguments='{"n": 1}'))
    model: Any = ScriptedLLM.following(["done"], native=True)
    own = model._handle_tool_execution("large", {"n": 1}, {"large": tool.run})
    over = LLM._handle_tool_call(model, [call], {"large": tool.run})
    assert small([str(own), str(over)])


@pytest.fixture
def langchain(monkeypatch: pytest.MonkeyPatch) -> None:
    """As much of `langchain_core` as the adapter needs."""
    tools = ModuleType("langchain_core.tools")
    tools.BaseTool = type("BaseTool", (), {})  # type: ignore[attr-defined]
    tools.StructuredTool = lambda **given: SimpleNamespace(**given)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "langchain_core", ModuleType("langchain_core"))
    monkeypatch.setitem(sys.modules, "langchain_core.tools", tools)


@pytest.mark.usefixtures("langchain")
@pytest.mark.parametrize("form", FORMS)
def test_the_model_behind_langgraph_reads_the_beginning(form: str) -> None:
    install()
    tool, small_one = Large(given=FORMS[form]), Large(name="small", given={"rows": 1})
    outer = Large(name="outer", nested=Large(given="x" * 200_000 + "end"))
    adapter = LangGraphToolAdapter([tool])
    adapter.configure_tools([small_one, outer])
    called = {each.name: lambda each=each: asyncio.run(each.func(n=1)) for each in adapter.tools()}
    assert small([str(called["large"]())])
    assert called["small"]() == {"rows": 1}
    assert called["outer"]() == "end"  # what a body reads is whole
    assert adapter.original_tools == [tool]
    assert len(str(tool.run(n=1))) >= SIZE


def test_without_an_engine_the_model_reads_the_beginning_too() -> None:
    for options, limit in (({}, 100_000), ({"preset": "strict"}, 20_000), ({"maxResultBytes": None}, None)):
        fallback = Fallback(EngineError("node-not-found", "none"), "s", options, None)
        ticket = fallback.admit(CallRequest("t"), {})
        assert isinstance(ticket, LocalTicket)
        assert ticket.run(lambda: "x").max_result_bytes == limit
