"""One line guards every tool of a crew. Run it with: python examples/crewai-quickstart/main.py

A scripted model takes the place of a real one, so that it needs no key; the crew is an ordinary one.
"""

import time

from crewai import Agent, Crew, Task
from crewai.tools import tool

import endstop.crewai
from endstop.demo.scripted import Ask, ScriptedLLM


@tool("search")
def search(query: str) -> str:
    """Searches the web."""
    return f"three results for {query}"


@tool("scrape")
def scrape(url: str) -> str:
    """Reads a page, from a server that never answers."""
    time.sleep(60)
    return url


def main() -> None:
    endstop.crewai.install(tools={"scrape": {"timeout": "500ms"}})

    model = ScriptedLLM.following([Ask("search", {"query": "endstop"}), Ask("scrape", {"url": "slow"}), "Found three."])
    researcher = Agent(role="Researcher", goal="Find it", backstory="Curious", llm=model, tools=[search, scrape])
    task = Task(description="Look it up.", expected_output="What was found.", agent=researcher)
    print(Crew(agents=[researcher], tasks=[task]).kickoff().raw)

    report = endstop.crewai.report()
    print(report.outcomes)
    for stop in report.stopped:
        print(stop.code, "-", stop.tool)


if __name__ == "__main__":
    main()
