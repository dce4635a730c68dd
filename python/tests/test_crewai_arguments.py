"""A model's arguments that are no object, and what it reads of a tool's exception."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from crewai.llms.base_llm import BaseLLM
from crewai.tools import tool

from endstop.crewai import install
from endstop.demo.scripted import Ask, ScriptedLLM
from tests.support.crews import PATHS, make_crew, plain_crewai_afterwards, run_crew  # noqa: F401

each_path = pytest.mark.parametrize("path", PATHS)
NO_OBJECTS = ["[]", '["oops"]', "5", "0", "null", '""', "true"]
NOT_EVEN_JSON = ['{"n": ', "[" * 100_000, "9" * 5_000]
CASES = [*[(path, said) for path in PATHS for said in NO_OBJECTS], *[("native", said) for said in NOT_EVEN_JSON]]
"""CrewAI itself mends broken JSON on the text path."""


class SaysAsItIs(ScriptedLLM):
    """Its asks have their arguments as text."""

    said: Any = ""

    def call(self, messages: Any, tools: Any = None, *args: Any, **kwargs: Any) -> Any:
        answer = super().call(messages, tools, *args, **kwargs)
        if isinstance(answer, list):
            answer[0]["function"]["arguments"] = self.said
        return answer.replace("Action Input: {}", f"Action Input: {self.said}") if isinstance(answer, str) else answer


def texts_of(said: str, one: Any, path: str) -> list[str]:
    """What the model reads when it asks once, with these arguments."""
    crew, _ = make_crew([one], ["done"], path=path)
    model = SaysAsItIs(model="scripted", script=[Ask(one.name), "done"], native=path == "native", said=said)
    crew.agents[0].llm = model
    crew.kickoff()
    return [str(message.get("content")) for message in model.last_messages]


@pytest.mark.parametrize(("path", "said"), CASES, ids=lambda part: part[:8])
def test_arguments_that_are_no_object_run_nothing_and_the_model_is_told(
    path: str, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    runs = []

    @tool("count")
    def count(n: int = 1) -> str:
        """Counts."""
        runs.append(n)
        return "ran"

    install()
    texts = texts_of(said, count, path)
    assert runs == []
    if path == "native":
        assert 'It takes an object with "n" (integer, optional).' in texts[-1]
        assert "Error: " in texts[-1]
        assert len(texts[-1]) < 500
    else:
        assert "Error: the Action Input is not a valid key, value dictionary." in texts[-2]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("said", [[], ["oops"], 0, 5, False, True, (), '"{\\"n\\": 1}"'], ids=repr)
@pytest.mark.parametrize("form", ["function", "responses", "bedrock", "gemini"])
def test_values_that_are_no_object_run_nothing_in_whatever_form_a_provider_gives_them(form: str, said: Any) -> None:
    runs = []

    @tool("count")
    def count(n: int = 1) -> str:
        """Counts."""
        runs.append(n)
        return "ran"

    class Says(SaysAsItIs):
        def call(self, messages: Any, tools: Any = None, *args: Any, **kwargs: Any) -> Any:
            answer = super().call(messages, tools, *args, **kwargs)
            if not isinstance(answer, list):
                return answer
            forms = {
                "function": {"id": "1", "type": "function", "function": {"name": "count", "arguments": said}},
                "responses": {"id": "1", "name": "count", "arguments": said},
                "bedrock": {"toolUseId": "1", "name": "count", "input": said},
                "gemini": SimpleNamespace(function_call=SimpleNamespace(name="count", args=said)),
            }
            return [forms[form]]

    if form == "gemini" and said:
        pytest.skip("CrewAI itself reads them as pairs")
    install()
    crew, _ = make_crew([count], ["done"])
    model = Says(model="scripted", script=[Ask("count"), "done"], native=True)
    crew.agents[0].llm = model
    crew.kickoff()
    assert runs == []
    assert "must be one JSON object" in str(model.last_messages[-1]["content"])


@pytest.mark.parametrize("said", ["", " ", "{}"])
def test_no_arguments_run_a_tool_without_parameters(said: str) -> None:
    @tool("now")
    def now() -> str:
        """Tells the time."""
        return "noon"

    install()
    assert texts_of(said, now, "native")[-1] == "noon"


def test_a_model_class_that_runs_tools_itself_tells_what_is_wrong(capfd: pytest.CaptureFixture[str]) -> None:
    @tool("count")
    def count(n: int = 1) -> str:
        """Counts."""
        return "ran"

    install()
    model = ScriptedLLM.following(["done"])
    for said in ([], ["oops"], 5, "", None):
        answer = BaseLLM._handle_tool_execution(model, "count", said, {"count": count.run})  # type: ignore[arg-type]
        assert "must be one JSON object" in str(answer)
    assert capfd.readouterr().err == ""


@each_path
@pytest.mark.parametrize("problem", [ValueError("not found"), KeyError("id"), RuntimeError(), OSError(2, "gone")])
@pytest.mark.parametrize("placement", ["host", "worker"])
def test_an_exception_reaches_the_model_with_its_type(path: str, problem: Exception, placement: str) -> None:
    def fail() -> str:
        """Fails."""
        raise problem

    install(placement=placement)
    (text,) = run_crew([tool("fail")(fail)], [Ask("fail"), "done"], path=path).tool_texts
    assert text.count(type(problem).__name__) == 1
    assert f": {type(problem).__name__}" in text
    assert str(problem) in text
