"""Context variables around tool bodies, which CrewAI's own tests do not look at."""

from __future__ import annotations

import asyncio
import contextvars
import time
from typing import Any

import pytest
from crewai.tools import BaseTool, tool
from pydantic import Field

from endstop import ToolCallError
from endstop.crewai import install
from endstop.demo.scripted import Ask
from tests.support.crews import PATHS, make_crew, plain_crewai_afterwards, run_crew  # noqa: F401

each_path = pytest.mark.parametrize("path", PATHS)
each_deadline = pytest.mark.parametrize("timeout", [None, 30], ids=["callers-thread", "body-thread"])
tenant: contextvars.ContextVar[str] = contextvars.ContextVar("tenant", default="nobody")


class Remembering(BaseTool):
    """Notes for whom it runs, and says for whom what comes after it runs."""

    name: str = "remember"
    description: str = "Remembers."
    seen: list[str] = Field(default_factory=list)

    def _run(self, name: str) -> str:
        self.seen.append(tenant.get())
        tenant.set(name)
        return name

    async def _arun(self, name: str) -> str:
        await asyncio.sleep(0)
        return self._run(name)


ASKS = [[Ask("remember", {"name": f"n{number}"}) for number in range(3)], "done"]


@pytest.fixture(autouse=True)
def nobody() -> Any:
    token = tenant.set("nobody")
    yield
    tenant.reset(token)


@each_path
@pytest.mark.parametrize("way", ["kickoff", "kickoff_async", "akickoff"])
def test_bodies_see_the_context_of_the_kickoff_however_it_is_started(path: str, way: str) -> None:
    asks = ASKS if path == "native" else [*ASKS[0], "done"]
    install(timeout=30)
    one = Remembering()
    crew, _ = make_crew([one], asks, path=path)
    tenant.set("of the kickoff")

    async def start() -> Any:
        return await getattr(crew, way)()

    if way == "kickoff":
        crew.kickoff()
    else:
        asyncio.run(start())
    assert len(one.seen) == 3
    assert one.seen[0] == "of the kickoff"


@each_path
def test_bodies_of_one_kickoff_see_the_contexts_that_they_see_on_plain_crewai(path: str) -> None:
    asks = ASKS if path == "native" else [*ASKS[0], "done"]
    tenant.set("of the kickoff")
    plain, guarded = Remembering(), Remembering()
    run_crew([plain], asks, path=path)
    tenant.set("of the kickoff")
    install()
    run_crew([guarded], asks, path=path)
    assert guarded.seen == plain.seen


@each_deadline
def test_what_a_body_sets_is_set_for_who_called_it_as_on_plain_crewai(timeout: Any) -> None:
    install(timeout=timeout)
    one = Remembering()
    one.run(name="first")
    assert tenant.get() == "first"
    one.to_structured_tool().invoke({"name": "second"})
    assert tenant.get() == "second"
    assert one.seen == ["nobody", "first"]


@each_deadline
def test_what_an_async_body_sets_is_set_for_the_task_that_awaits_it(timeout: Any) -> None:
    install(timeout=timeout)

    async def main() -> str:
        await Remembering().arun(name="first")
        return tenant.get()

    assert asyncio.run(main()) == "first"


@each_deadline
def test_what_a_raising_body_has_set_stays_set(timeout: Any) -> None:
    install(timeout=timeout)

    @tool("failing")
    def failing() -> None:
        """Sets, then fails."""
        tenant.set("before it failed")
        raise LookupError

    with pytest.raises(LookupError):
        failing.run()
    assert tenant.get() == "before it failed"


def test_a_body_past_its_deadline_changes_no_context_any_more() -> None:
    install(timeout="50ms")

    @tool("late")
    def late() -> None:
        """Sets too late."""
        time.sleep(0.3)
        tenant.set("late")

    with pytest.raises(ToolCallError):
        late.run()
    time.sleep(0.5)
    assert tenant.get() == "nobody"
