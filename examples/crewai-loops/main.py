"""A model that goes in circles is told, then stopped; a poll goes on.

Run it with: python examples/crewai-loops/main.py
"""

import itertools

from crewai import Agent, Crew, Task
from crewai.tools import tool

import endstop.crewai
from endstop.demo.scripted import Ask, ScriptedLLM

progress = itertools.count(10, 10)


@tool("search")
def search(query: str) -> str:
    """Finds the same every time."""
    return f"nothing for {query}"


@tool("job state")
def job_state(job: int) -> str:
    """Tells how far a job is."""
    return f"{next(progress)} %"


def run(*steps: Ask | str) -> list[str]:
    """What the model read from its tools."""
    model = ScriptedLLM.following(list(steps))
    agent = Agent(role="Worker", goal="Work", backstory="Stubborn", llm=model, tools=[search, job_state], max_iter=30)
    task = Task(description="Do it.", expected_output="What came of it.", agent=agent)
    Crew(agents=[agent], tasks=[task]).kickoff()
    return [message["content"] for message in model.last_messages if message["role"] == "tool"]


def main() -> None:
    endstop.crewai.install(tools={"job state": {"poller": True}})
    for text in run(*[Ask("search", {"query": "x"})] * 4, "I give up."):
        print(text.replace("\n\n", " | "))
    print(run(*[Ask("job_state", {"job": 7})] * 10, "Finished.")[-1])


if __name__ == "__main__":
    main()
