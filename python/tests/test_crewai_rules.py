"""A name in `install()` or `endstop.toml` means the agent or tool that its writer had in mind; if none, it is told."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from crewai import Agent, Crew, Task
from crewai.tools import tool

from endstop.crewai import describe, install, uninstall
from endstop.demo.scripted import Ask, ScriptedLLM
from tests.support.crews import plain_crewai_afterwards  # noqa: F401


@tool("Look Up")
def look_up(word: str) -> str:
    """Looks up."""
    return word.upper()


def crew_of(role: str, *, asks: bool = True) -> tuple[Crew, ScriptedLLM]:
    script: list[Any] = [Ask("look_up", {"word": "a"}), Ask("look_up", {"word": "b"}), "done"]
    model = ScriptedLLM.following(script if asks else ["done"])
    agent = Agent(role=role, goal="test", backstory="tests", llm=model, tools=[look_up])
    task = Task(description="Do it.", expected_output="What came of it.", agent=agent)
    return Crew(agents=[agent], tasks=[task]), model


@contextmanager
def told() -> Iterator[list[str]]:
    texts: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield texts
    texts += [str(each.message) for each in caught if "Limits given" in str(each.message)]


@pytest.mark.parametrize("rule", ["{topic} Analyst", "AI Analyst", " ai   analyst\n", "{topic}\nANALYST"])
def test_a_rule_means_a_role_as_written_and_as_filled_in(rule: str) -> None:
    install(agents={rule: {"max_calls_per_run": 1}})
    # As `role: >` in a project's YAML has it.
    crew, model = crew_of("{topic} Analyst\n")
    with told() as texts:
        crew.kickoff(inputs={"topic": "AI"})
    assert "all 1 allowed calls are used" in str(model.last_messages)
    assert texts == []
    assert describe(look_up, "AI  Analyst")["max_calls_per_run"].value == (None if "topic" in rule else 1)
    assert describe(look_up, crew.agents[0])["max_calls_per_run"].value == 1


def test_a_rule_of_the_file_means_it_too_and_code_wins_whatever_the_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "endstop.toml").write_text('[agents."data analyst"]\nmax_calls = 5\ntimeout = "3s"\n')
    install(agents={"Data Analyst\n": {"timeout": "9s"}})
    limits = describe(look_up, "DATA ANALYST")
    assert (limits["max_calls"].value, limits["timeout"].value) == (5, 9.0)


def test_what_has_matched_nothing_at_the_end_is_one_warning_with_the_nearest_name() -> None:
    install(
        tools={"lookup": {"timeout": "5s"}, "look up": {"resources": ["database"]}},
        agents={"Data Anlyst": {"max_calls": 3}, "Data Analyst": {}},
        resources={"databse": 3},
    )
    crew, _ = crew_of("Data Analyst\n")
    with told() as texts:
        crew.kickoff()
        crew.kickoff()
    assert texts == []
    with told() as texts:
        uninstall()
        uninstall()
    (text,) = texts
    assert "no agent has had a tool named 'lookup'. Did you mean look_up?" in text
    assert "no agent has had the role 'Data Anlyst'. Did you mean Data Analyst?" in text
    assert "no tool has named the resource 'databse'. Did you mean database?" in text


def test_agents_and_tools_that_had_nothing_to_do_are_no_mistake() -> None:
    install(tools={"look up": {"timeout": "5s"}}, agents={"Idle": {"max_calls": 3}})
    crew, _ = crew_of("Analyst", asks=False)
    crew.agents.append(Agent(role="Idle\n", goal="test", backstory="tests", llm=crew.agents[0].llm))
    with told() as texts:
        crew.kickoff()
        uninstall()
    assert texts == []


def test_an_agent_of_a_later_crew_is_no_mistake() -> None:
    install(agents={"Data Analyst": {"max_calls": 3}, "Data Analyst 2": {"max_calls": 3}})
    with told() as texts:
        crew_of("Data Analyst")[0].kickoff()
        crew_of("Data Analyst 2")[0].kickoff()
        uninstall()
    assert texts == []


def test_what_an_installation_had_no_use_for_is_told_when_another_takes_its_place_if_anything_ran() -> None:
    with told() as texts:
        install(agents={"Nobody": {"max_calls": 3}})
        install(agents={"Nobody Else": {"max_calls": 3}})
        crew_of("Data Analyst")[0].kickoff()
        install(agents={"Data Analyst": {"max_calls": 3}})
        uninstall()
    (text,) = texts
    assert "no agent has had the role 'Nobody Else'." in text


def test_it_is_told_at_the_end_of_the_program(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\n"
        "from endstop.crewai import install\n"
        "from tests.test_crewai_rules import crew_of\n"
        "install(agents={'Data Anlyst': {'max_calls': 3}})\n"
        "crew_of('Data Analyst')[0].kickoff()\n"
        "print('kicked off', file=sys.stderr, flush=True)\n"
    )
    root = Path(__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run([sys.executable, script], cwd=tmp_path, env=environment, capture_output=True, text=True)
    before, after = done.stderr.split("kicked off")
    assert (done.returncode, "Anlyst" in before) == (0, False)
    assert after.count("no agent has had the role 'Data Anlyst'. Did you mean Data Analyst?") == 1


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"agents": {"A b": {}, "a  B": {}}}, "agents names one role twice: 'A b' and 'a  B' are the same"),
        ({"agents": {3: {}}}, "agents must have names as keys, got 3"),
        ({"tools": {"a": "30s"}}, r"tools\['a'\] must be a dict of limits, got '30s'"),
        ({"tools": ["a"]}, r"tools must be a dict of limits by name, got \['a'\]"),
    ],
)
def test_what_names_nothing_is_refused_with_its_value(arguments: dict[str, Any], text: str) -> None:
    with pytest.raises((TypeError, ValueError), match=text):
        install(**arguments)
