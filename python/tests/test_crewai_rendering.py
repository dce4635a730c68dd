"""Schemas are rendered once, and what CrewAI shows is the same as without."""

from __future__ import annotations

from typing import Any

import pytest
from crewai.tools import BaseTool, structured_tool
from crewai.tools.tool_usage import ToolUsage
from pydantic import BaseModel, Field

from endstop.crewai import install, uninstall
from endstop.demo.scripted import Ask
from tests.support.crews import plain_crewai_afterwards, run_crew  # noqa: F401


class Words(BaseModel):
    word: str = Field(description="The word to look up.")
    languages: list[str] = Field(default_factory=list, description="In which languages.")


class Numbers(BaseModel):
    number: int


class Lookup(BaseTool):
    name: str = "look up"
    description: str = "Looks a word up."
    args_schema: type[BaseModel] = Words
    seen: list[dict[str, Any]] = Field(default_factory=list)

    def _run(self, **arguments: Any) -> str:
        self.seen.append(arguments)
        return f"found {arguments.get('word')}"


class Other(Lookup):
    name: str = "look it up elsewhere"
    description: str = "Looks elsewhere."
    args_schema: type[BaseModel] = Numbers


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The schemas that CrewAI rendered for a prompt, in order."""
    schemas: list[Any] = []
    render = structured_tool.generate_model_description

    def noting(schema: Any, *args: Any, **kwargs: Any) -> Any:
        schemas.append(schema)
        return render(schema, *args, **kwargs)

    monkeypatch.setattr(structured_tool, "generate_model_description", noting)
    return schemas


def fresh_schema() -> type[BaseModel]:
    class Fresh(BaseModel):
        word: str = Field(description="first")

    return Fresh


def test_a_kickoff_with_many_calls_renders_each_schema_once(rendered: list[Any]) -> None:
    schema = fresh_schema()
    asks = [*(Ask("look_up", {"word": f"w{number}"}) for number in range(10)), "done"]
    install()
    one = Lookup(args_schema=schema)
    run_crew([one], asks, path="text")
    assert len(one.seen) == 10
    assert rendered.count(schema) == 1


def test_the_prompt_and_every_text_are_those_of_plain_crewai() -> None:
    asks = [
        Ask("look_up", {"word": "x", "unknown": 1}),
        Ask("Look Up", {"word": "y"}),
        Ask("look_upp", {"word": "z"}),
        Ask("no_such_tool", {}),
        Ask("look_it_up_elsewhere", {"number": "many"}),
        "done",
    ]
    plain_tool, guarded_tool = Lookup(), Lookup()
    plain = run_crew([plain_tool, Other()], asks, path="text")
    install()
    guarded = run_crew([guarded_tool, Other()], asks, path="text")
    assert guarded.messages == plain.messages
    assert guarded_tool.seen == plain_tool.seen
    assert [arguments["word"] for arguments in guarded_tool.seen] == ["x", "y", "z"]


def test_a_schema_that_was_rebuilt_is_rendered_anew() -> None:
    schema = fresh_schema()
    install()
    one = Lookup(args_schema=schema)
    assert "first" in one.formatted_description
    schema.model_fields["word"].description = "second"
    schema.model_rebuild(force=True)
    assert "second" in one.formatted_description


def test_a_description_that_changes_is_shown_as_it_is() -> None:
    install()
    one = Lookup()
    assert "Looks a word up." in one.formatted_description
    one.description = "Looks two words up."
    assert "Looks two words up." in one.formatted_description


def test_a_schema_that_renders_itself_is_rendered_each_time() -> None:
    class Counting(Words):
        @classmethod
        def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
            numbers.append(len(numbers))
            return {**super().model_json_schema(*args, **kwargs), "description": f"number {numbers[-1]}"}

    numbers: list[int] = []
    install()
    one = Lookup(args_schema=Counting)
    first, second = one.formatted_description, one.formatted_description
    assert first != second


def test_uninstall_leaves_crewais_own_functions() -> None:
    before = (structured_tool.format_description_for_llm, ToolUsage._select_tool)
    install()
    assert (structured_tool.format_description_for_llm, ToolUsage._select_tool) != before
    uninstall()
    assert (structured_tool.format_description_for_llm, ToolUsage._select_tool) == before
