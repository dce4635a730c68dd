"""What a tool call costs in CrewAI, plain and with the drop-in: from text, natively, failing, and 100 in a kickoff."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable
from typing import Any

import _quiet_crewai  # noqa: F401 - it has to come before crewai
from _measuring import keep, machine
from crewai import Agent, Crew, Task
from crewai.agents.agent_executor import AgentExecutor
from crewai.agents.parser import AgentAction
from crewai.agents.tools_handler import ToolsHandler
from crewai.tools import BaseTool
from crewai.utilities.tool_utils import execute_tool_and_check_finality
from pydantic import BaseModel, Field

import endstop.crewai
from endstop.demo.scripted import Ask, ScriptedLLM

ROUNDS = 7
CALLS_PER_ROUND = 100
CALLS_PER_KICKOFF = 100
_numbers = itertools.count()


class Words(BaseModel):
    word: str = Field(description="The word to look up.")
    limit: int = Field(default=10, description="How many meanings to give.")


class Lookup(BaseTool):
    name: str = "look up"
    description: str = "Looks a word up."
    args_schema: type[BaseModel] = Words
    bodies: int = 0

    def _run(self, word: str, limit: int = 10) -> str:
        self.bodies += 1
        return f"{limit} meanings of {word}"


class Failing(Lookup):
    name: str = "charge card"
    description: str = "Always fails."

    def _run(self, word: str, limit: int = 10) -> str:
        self.bodies += 1
        raise ConnectionError("the bank is away")


def with_others(tool: BaseTool, count: int) -> list[BaseTool]:
    """The tool among some that nobody asks for. CrewAI renders them all for each call from text."""
    return [tool, *(Lookup(name=f"translate {number}", description="Translates.") for number in range(1, count))]


def crew_of(tools: list[BaseTool], script: Any, *, native: bool) -> Crew:
    model = ScriptedLLM.following(script, native=native)
    agent = Agent(
        role="Tester", goal="g", backstory="b", llm=model, tools=tools, verbose=False, max_iter=CALLS_PER_KICKOFF + 5
    )
    task = Task(description="Do it.", expected_output="It.", agent=agent)
    return Crew(agents=[agent], tasks=[task], verbose=False)


def text_call(tool: BaseTool) -> Callable[[], None]:
    """One request as the ReAct executors make it."""
    tools = with_others(tool, 2)
    crew = crew_of(tools, ["done"], native=False)
    agent, task = crew.agents[0], crew.tasks[0]
    structured = [each.to_structured_tool() for each in tools]
    handler = ToolsHandler()
    name = structured[0].name

    def call() -> None:
        text = f'{{"word": "w{next(_numbers)}", "limit": 3}}'
        action = AgentAction(thought="t", tool=name, tool_input=text, text=f"Action: {name}\nAction Input: {text}")
        execute_tool_and_check_finality(
            action, structured, agent_key="k", agent_role="r", tools_handler=handler, task=task, agent=agent, crew=crew
        )

    return call


def native_call(tool: BaseTool) -> Callable[[], None]:
    """One request as the default executor makes it."""
    crew = crew_of(with_others(tool, 2), ["done"], native=True)
    agent, task = crew.agents[0], crew.tasks[0]
    executor = AgentExecutor(
        agent=agent, llm=agent.llm, task=task, crew=crew, original_tools=agent.tools, tools_handler=ToolsHandler()
    )
    executor._available_functions = {"look_up": tool.run, "charge_card": tool.run}
    name = "look_up" if type(tool) is Lookup else "charge_card"

    def call() -> None:
        arguments = f'{{"word": "w{next(_numbers)}", "limit": 3}}'
        request = {"id": "c", "type": "function", "function": {"name": name, "arguments": arguments}}
        executor._execute_single_native_tool_call(request)

    return call


def kickoff(*, native: bool, tools: int) -> Callable[[], None]:
    """A whole kickoff with many calls of one tool."""

    def call() -> None:
        asks = [Ask("look_up", {"word": f"w{next(_numbers)}"}) for _ in range(CALLS_PER_KICKOFF)]
        tool = Lookup()
        crew_of(with_others(tool, tools), [*asks, "done"], native=native).kickoff()
        if tool.bodies != CALLS_PER_KICKOFF:
            raise SystemExit(f"wrong result, nothing was measured: {tool.bodies} bodies of {CALLS_PER_KICKOFF} calls")

    return call


def compare(call: Callable[[], None], *, rounds: int, calls: int) -> tuple[float, float, list[float]]:
    """The median µs of a call, plain and with the drop-in, in turn: P D P D …; and the ratio of each round."""
    taken: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(rounds):
        for drop_in, times in taken.items():
            if drop_in:
                endstop.crewai.install()
            try:
                for number in range(calls + 1):
                    begin = time.perf_counter()
                    call()
                    if number > 0 or calls == 1:  # the first one after a change warms up
                        times.append((time.perf_counter() - begin) * 1e6)
            finally:
                endstop.crewai.uninstall()
    each_round = [
        [statistics.median(times[at : at + calls]) for at in range(0, len(times), calls)] for times in taken.values()
    ]
    ratios = [ours / theirs for theirs, ours in zip(*each_round, strict=True)]
    return statistics.median(taken[False]), statistics.median(taken[True]), ratios


def bodies_of_one_failing_call() -> tuple[int, int]:
    found = []
    for drop_in in (False, True):
        tool = Failing()
        call = text_call(tool)
        if drop_in:
            endstop.crewai.install()
        call()
        endstop.crewai.uninstall()
        found.append(tool.bodies)
    return found[0], found[1]


def main() -> None:
    print(machine())
    rows = {
        "text (ReAct)": (text_call(Lookup()), ROUNDS, CALLS_PER_ROUND),
        "text, the tool raises": (text_call(Failing()), ROUNDS, CALLS_PER_ROUND // 2),
        "native": (native_call(Lookup()), ROUNDS, CALLS_PER_ROUND),
        "native, the tool raises": (native_call(Failing()), ROUNDS, CALLS_PER_ROUND // 2),
        "kickoff, 100 text calls, 2 tools": (kickoff(native=False, tools=2), 3, 1),
        "kickoff, 100 text calls, 10 tools": (kickoff(native=False, tools=10), 3, 1),
        "kickoff, 100 native calls, 2 tools": (kickoff(native=True, tools=2), 3, 1),
    }
    print("\nA tool call in CrewAI (median; an agent with two tools, if not said otherwise)")
    print(f"  {'':36}{'plain µs':>12}{'drop-in µs':>12}{'ratio':>8}")
    for name, (call, rounds, calls) in rows.items():
        plain, guarded, ratios = compare(call, rounds=rounds, calls=calls)
        keep(name, ratios)
        print(f"  {name:36}{plain:12.0f}{guarded:12.0f}{guarded / plain:8.2f}", flush=True)
    print("  bodies of one failing text call: plain {}, drop-in {}".format(*bodies_of_one_failing_call()))


if __name__ == "__main__":
    main()
