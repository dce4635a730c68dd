"""Every option is in force at each of Python's doors, or refused there; `options.test.ts` says it of TypeScript's."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from crewai.tools import BaseTool

from endstop import ToolExecutor
from endstop._options import OPTIONS, Option
from endstop.crewai import describe, guard, install
from tests.support.crews import plain_crewai_afterwards  # noqa: F401

_VALUES: Mapping[str, Any] = {
    "duration": "77s",
    "size": "77kB",
    "count": 7,
    "rate": "7/1m",
    "flag": True,
    "names": ["database"],
}
IN_WORKERS_ONLY = {"cpu_time", "memory", "max_processes", "max_output"}


def nothing() -> None: ...


class Plain(BaseTool):
    name: str = "plain"
    description: str = "Plain."

    def _run(self) -> str:
        return "plain"


def value_of(option: Option) -> Any:
    if option.kind == "choice":
        return [choice for choice in option.choices if choice != "standard"][-1]
    return _VALUES[option.kind] if option.name != "poller" else False  # with cache it contradicts itself


def by_executor(options: dict[str, Any]) -> Any:
    with ToolExecutor(**options) as executor:
        executor.register(nothing)
        return executor.describe("nothing")


def by_agents(options: dict[str, Any]) -> Any:
    with ToolExecutor(agents={"Researcher": options}) as executor:
        executor.register(nothing)
        return executor.describe("nothing", "Researcher")


def by_register(options: dict[str, Any]) -> Any:
    with ToolExecutor() as executor:
        executor.register(nothing, **options)
        return executor.describe("nothing")


def by_install(options: dict[str, Any]) -> Any:
    install(**options)
    return describe(Plain())


def by_installed_agents(options: dict[str, Any]) -> Any:
    install(agents={"Researcher": options})
    return describe(Plain(), "Researcher")


def by_installed_tools(options: dict[str, Any]) -> Any:
    install(tools={"plain": options})
    return describe(Plain())


def by_file(head: str) -> Callable[[dict[str, Any]], Any]:
    def give(options: dict[str, Any]) -> Any:
        lines = [head, *(f"{name} = {json.dumps(value)}" for name, value in options.items())]
        Path("endstop.toml").write_text("\n".join(lines), encoding="utf-8")
        install()
        return describe(Plain(), "Researcher" if "Researcher" in head else None)

    return give


DOORS = {
    "ToolExecutor": ("engine", by_executor),
    "ToolExecutor(agents=)": ("agent", by_agents),
    "register": ("tool", by_register),
    "install": ("engine", by_install),
    "install(agents=)": ("agent", by_installed_agents),
    "install(tools=)": ("tool", by_installed_tools),
    "endstop.toml": ("engine", by_file("")),
    "endstop.toml, agents": ("agent", by_file("[agents.Researcher]")),
    "endstop.toml, tools": ("tool", by_file("[tools.plain]")),
}


@pytest.mark.parametrize("door", DOORS)
def test_every_option_of_a_door_is_in_force(door: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    level, give = DOORS[door]
    options = {option.name: value_of(option) for option in OPTIONS.values() if level in option.levels}
    source = "agent Researcher" if level == "agent" else level
    on_host = {name: value for name, value in options.items() if OPTIONS[name].where == "host"}
    for given in [options] if level != "tool" else [_without(options, on_host), on_host]:
        described = give(given)
        assert {name: described[name].source for name in given} == dict.fromkeys(given, source)


@pytest.mark.parametrize("door", DOORS)
def test_an_option_of_another_level_is_refused_by_its_name(
    door: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    level, give = DOORS[door]
    for option in OPTIONS.values():
        if level not in option.levels:
            # `resources` of an engine are others, and must be counts.
            with pytest.raises(
                TypeError, match=rf"has no option '{option.name}'|\b{option.name} must be|not a mapping"
            ):
                give({option.name: value_of(option)})


def _without(options: dict[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name not in others}


@pytest.mark.parametrize("name", ["max_stuck", "cancel_grace"])
def test_what_bounds_bodies_on_the_host_is_refused_for_a_tool_in_a_worker(name: str) -> None:
    options: dict[str, Any] = {"placement": "worker", name: value_of(OPTIONS[name])}
    for give in (by_register, by_installed_tools, lambda given: guard(Plain(), **given)):
        with pytest.raises(ValueError, match=f"cannot have {name}: it bounds a body on the host"):
            give(options)
    ToolExecutor(placement="worker").register(nothing, **{name: options[name]})


@pytest.mark.parametrize("name", sorted(IN_WORKERS_ONLY))
def test_a_limit_of_workers_given_to_guard_needs_a_worker(name: str) -> None:
    value = {name: value_of(OPTIONS[name])}
    with pytest.raises(ValueError, match=rf"guard\(\) cannot have {name}: it bounds a body in a worker"):
        guard(Plain(), **value)
    guard(Plain(), placement="worker", **value)
    declared = Plain()
    declared.endstop = {"placement": "worker"}  # type: ignore[attr-defined]
    guard(declared, **value)
    install(placement="worker")
    guard(Plain(), **value)
    install(tools={"plain": {"placement": "worker"}})
    guard(Plain(), **value)
    install(tools={"other": {"placement": "worker"}})
    with pytest.raises(ValueError, match="bounds a body in a worker"):
        guard(Plain(), **value)


@pytest.mark.parametrize("name", sorted(IN_WORKERS_ONLY))
def test_a_limit_that_a_tool_brings_along_and_nothing_holds_is_told_once(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    value = {name: value_of(OPTIONS[name])}
    brought = Plain()
    brought.endstop = value  # type: ignore[attr-defined]
    install()
    for _ in range(2):
        brought.run()
    describe(brought)
    lines = [record.getMessage() for record in caplog.records if record.name == "endstop"]
    assert lines == [
        f"plain: {name} is in force nowhere: it bounds a body in a worker, and this one runs on the host. "
        'Add placement="worker".'
    ]
    caplog.clear()
    install(placement="worker")
    describe(brought)
    assert caplog.records == []


@pytest.mark.parametrize("name", sorted(IN_WORKERS_ONLY))
def test_what_bounds_bodies_in_workers_is_refused_for_a_tool_that_runs_on_the_host(name: str) -> None:
    value = {name: value_of(OPTIONS[name])}
    for engine in ({}, {"placement": "host"}, {"agents": {"Researcher": {"max_calls": 1}}}):
        with pytest.raises(ValueError, match=f"cannot have {name}: it bounds a body in a worker"):
            ToolExecutor(**engine).register(nothing, **value)
    for engine in ({"placement": "worker"}, {"agents": {"Researcher": {"placement": "worker"}}}):
        ToolExecutor(**engine).register(nothing, **value)
