"""Tools that compute run on all cores, and keep their order. Run it with: python examples/crewai-parallel-cpu/main.py

Four calls in one answer of the model: CrewAI starts them in threads, which share one interpreter. With
`placement="worker"` each computes in a process of its own.
"""

import hashlib
import os

from crewai import Agent, Crew, Task
from crewai.tools import tool

import endstop.crewai
from endstop.demo.scripted import Ask, ScriptedLLM

HOST = os.getpid()


@tool("digest")
def digest(seed: int) -> str:
    """Hashes for a while."""
    value = str(seed).encode()
    for _ in range(100_000):
        value = hashlib.sha256(value).digest()
    return f"{seed}: {value.hex()[:8]}, in a process of its own: {os.getpid() != HOST}"


def main() -> None:
    endstop.crewai.install(tools={"digest": {"placement": "worker", "read_only": True, "timeout": "60s"}})

    model = ScriptedLLM.following([[Ask("digest", {"seed": seed}) for seed in range(4)], "Done."])
    agent = Agent(role="Hasher", goal="Hash", backstory="Patient", llm=model, tools=[digest])
    task = Task(description="Hash them.", expected_output="Hashes.", agent=agent)
    print(Crew(agents=[agent], tasks=[task]).kickoff().raw)

    for message in model.last_messages:
        if message["role"] == "tool":
            print(message["content"])


if __name__ == "__main__":
    main()
