"""Limits come from `install()`, from `endstop.toml` and from the tools themselves, in that order of force."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import Mock

import pytest
from crewai.tools import BaseTool, tool

from endstop import ToolCallError, ToolExecutor
from endstop.client.engine import shared_engine
from endstop.crewai import describe, guard, install, installation, report, uninstall
from endstop.crewai.declared import declared_policy
from endstop.demo.scripted import Ask
from tests.support.crews import plain_crewai_afterwards, run_crew  # noqa: F401


class LookUp(BaseTool):
    name: str = "look up"
    description: str = "Looks up."
    endstop: ClassVar[dict[str, Any]] = {"timeout": "1s", "max_calls": 11, "poller": True}

    def _run(self, word: str) -> str:
        return word


@pytest.fixture
def toml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "endstop.toml"


def in_force(tool: Any, agent: str | None = None) -> tuple[Any, Any, Any]:
    limits = describe(tool, agent)
    return limits["timeout"].value, limits["max_calls"].value, limits["poller"].value


def test_install_wins_over_the_file_and_the_file_over_the_tool(toml: Path) -> None:
    toml.write_text('[tools.look_up]\ntimeout = "2s"\nmax_calls = 12\n')
    install(tools={"look up": {"timeout": "3s"}})
    assert in_force(LookUp()) == (3.0, 12, True)
    assert in_force(guard(LookUp(), timeout="4s")) == (4.0, 12, True)
    uninstall()
    install()
    assert in_force(LookUp()) == (2.0, 12, True)
    uninstall()
    toml.unlink()
    install()
    assert in_force(LookUp()) == (1.0, 11, True)


def test_the_file_has_what_install_takes_for_all_tools_and_for_agents(toml: Path) -> None:
    toml.write_text('preset = "strict"\nmax_depth = 7\ntimeout = "none"\n[agents."Data Analyst"]\nmax_calls = 5\n')
    install(agents={"Data Analyst": {"timeout": "9s"}})

    @tool("plain")
    def plain() -> str:
        """Plain."""
        return "plain"

    limits = describe(plain, "Data Analyst")
    assert (limits["max_depth"].value, limits["preset"].value) == (7, "strict")
    assert (limits["max_calls"].value, limits["timeout"].value) == (5, 9.0)
    assert describe(plain)["timeout"].value is None


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        ({"cycle_notice": 1}, "cycle_notice must be at least 2, got 1"),
        ({"cycle_reject": 9}, "cycle_reject must be at most 8, got 9"),
        ({"same_call_reject": 1}, "same_call_reject must be at least 2, got 1"),
        ({"cache": True, "poller": True}, "cannot have both cache and poller"),
        ({"once": True, "poller": True}, "cannot have both once and poller"),
        ({"memory": "1GB"}, 'cannot have memory.*placement="worker"'),
    ],
)
def test_limits_that_cannot_be_are_refused_before_anything_runs(limits: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        install(tools={"look_up": limits})  # type: ignore[dict-item]  # not all are known to be right
    with ToolExecutor() as executor, pytest.raises(ValueError, match=text):
        executor.register(len, name="look_up", **limits)
    if "cache" not in limits and "once" not in limits and "memory" not in limits:
        with pytest.raises(ValueError, match=text):
            install(agents={"Researcher": limits})  # type: ignore[dict-item]


def test_what_a_nearer_place_says_takes_away_what_cannot_be_beside_it() -> None:
    look_up = LookUp()  # says poller
    install(tools={"look up": {"cache": True}})
    limits = describe(look_up)
    assert (limits["cache"].value, limits["poller"].value) == (True, False)


def test_a_tool_object_takes_the_attribute_once_installed_and_its_copies_keep_it() -> None:
    install()

    @tool("plain")
    def plain() -> str:
        """Plain."""
        return "plain"

    plain.endstop = {"max_calls": 1}
    assert plain.endstop == {"max_calls": 1}
    assert plain.model_copy().run() == "plain"
    with pytest.raises(ToolCallError, match="the limit is 1 calls"):
        plain.to_structured_tool().invoke({})


def test_a_wrong_limit_is_refused_when_the_tool_is_given_it() -> None:
    install()

    @tool("plain")
    def plain() -> str:
        """Plain."""
        return "plain"

    with pytest.raises(TypeError, match=r"plain\.endstop has no option 'timout'. Did you mean timeout"):
        plain.endstop = {"timout": "1s"}
    with pytest.raises(TypeError, match="must be a dict of limits, got '1s'"):
        plain.endstop = "1s"


def test_an_object_that_has_every_attribute_declares_nothing() -> None:
    assert dict(declared_policy(Mock())) == {}


@pytest.mark.parametrize("setting", ["0", " Off "])
def test_with_endstop_0_every_call_does_nothing_with_the_right_type(
    setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installation, "_reported", None)
    monkeypatch.setenv("ENDSTOP", setting)

    @tool("plain")
    def plain() -> str:
        """Plain."""
        return "plain"

    install(timeout="1s")
    assert guard(plain, max_calls=1) is plain
    plain.endstop = {"max_calls": 1}
    assert [plain.run(), plain.run()] == ["plain", "plain"]
    limits = describe(plain, "Analyst")
    assert (limits["timeout"].value, limits["placement"].value, limits["max_batch"].source) == (
        None,
        "host",
        "ENDSTOP=0",
    )
    assert (report().calls, str(report())) == (0, "0 calls, 0 bodies: none\n0.0 ms in tools, 0.0 ms overhead")
    uninstall()


def test_a_tool_takes_the_attribute_before_install_and_after_uninstall() -> None:
    @tool("plain")
    def plain() -> str:
        """Plain."""
        return "plain"

    plain.endstop = {"max_calls": 7}
    install()
    assert describe(plain)["max_calls"].value == 7
    uninstall()
    plain.endstop = {"max_calls": 8}
    assert plain.run() == "plain"


def test_a_second_install_takes_the_place_of_the_first() -> None:
    install(tools={"look up": {"max_calls": 3}}, timeout="5s")
    install(tools={"look up": {"max_calls": 4}})
    assert in_force(LookUp()) == (1.0, 4, True)


@pytest.mark.parametrize(
    ("content", "problem", "text"),
    [
        ("timeout = ", ValueError, r"endstop\.toml is no TOML"),
        ('timout = "1s"', TypeError, r"endstop\.toml has no option 'timout'"),
        ("[tools]\nlook_up = 3", TypeError, r"tools must hold one table for each name"),
        (
            "[tools.look_up]\nmax_calls = 0",
            ValueError,
            r"endstop\.toml: tools\['look_up'\]: max_calls must be at least",
        ),
        ("[tools.look_up]\ncycle_notice = 1", ValueError, r"tools\['look_up'\]: cycle_notice must be at least 2"),
        ("[tools.look_up]\ncache = true\npoller = true", ValueError, "cannot have both cache and poller"),
        ('[tools.look_up]\nmemory = "1GB"', ValueError, r'cannot have memory.*Add placement="worker"'),
        ('fallback = "maybe"', ValueError, 'fallback must be "plain" or "fail"'),
        ('[tools."look up"]\n[tools.look_up]', ValueError, "names one tool twice"),
    ],
)
def test_a_mistake_in_the_file_is_told_with_its_name(
    toml: Path, content: str, problem: type[Exception], text: str
) -> None:
    toml.write_text(content)
    with pytest.raises(problem, match=text):
        install()


def test_the_file_may_begin_with_a_byte_order_mark_and_must_be_utf_8(toml: Path) -> None:
    toml.write_bytes(b'\xef\xbb\xbfpreset = "strict"\n')
    install()
    toml.write_bytes('preset = "strict"  # für alle'.encode("latin-1"))
    with pytest.raises(ValueError, match=r"endstop\.toml is no TOML: .*utf-8"):
        install()


def test_uninstall_ends_the_engine_unless_somebody_else_uses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    # Modules of other tests keep an executor for as long as this process lives.
    monkeypatch.setattr("endstop.client.session._open_sessions", weakref.WeakSet())
    shared_engine().end("a test of its end begins")
    install()
    LookUp().run(word="a")
    with ToolExecutor() as executor:
        executor.register(len, name="length")
        assert executor.stats().in_flight == 0
        uninstall()
        assert shared_engine().live_connection is not None
    install()
    LookUp().run(word="a")
    uninstall()
    assert shared_engine().live_connection is None


@pytest.mark.parametrize("way", ["install", "install(tools)", "endstop.toml", "toml tools", "tool.endstop", "guard"])
def test_redact_is_heard_whoever_says_it(way: str, toml: Path) -> None:
    class Open(BaseTool):
        name: str = "open"
        description: str = "Opens."

        def _run(self, pin: str, password: str) -> str:
            raise TimeoutError(f"neither {pin} nor {password}")

    opening = Open()
    if way == "endstop.toml":
        toml.write_text('redact = ["pin"]\n')
    elif way == "toml tools":
        toml.write_text('[tools.open]\nredact = ["pin"]\n')
    if way == "install":
        install(redact=["pin"])
    elif way == "install(tools)":
        install(tools={"open": {"redact": ["pin"]}})
    else:
        install()
    if way == "tool.endstop":
        opening.endstop = {"redact": ["pin"]}  # type: ignore[attr-defined]  # what `install()` adds
    elif way == "guard":
        guard(opening, redact=["pin"])
    assert describe(opening)["redact"].value == ("pin",)
    result = run_crew([opening], [Ask("open", {"pin": "4711-x", "password": "hunter2"})] * 5 + ["done"])
    rejected = result.tool_failures[-1].failure
    assert rejected.code == "repeated-call"
    texts = repr(rejected) + repr(report())
    assert "neither *** nor hunter2" in texts
    assert "4711-x" not in texts
