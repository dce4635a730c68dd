"""The least that a call can cost here: what would be left of our figures if everything that we decide cost nothing.

In a worker: the same hops, host, Node, worker and back, with frames and pickles, but nothing else. In CrewAI: its own
work for one attempt with each schema rendered once, and the share of a kickoff that is outside of tool calls.
"""

from __future__ import annotations

import os
import pickle
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NoReturn
from unittest.mock import patch

import crewai_call
from _measuring import interleave, machine, show
from _work import double
from crewai.agents import agent_executor
from crewai.tools import structured_tool, tool_usage

from endstop.client.node import find_node
from endstop.crewai import rendering
from endstop.frames import FrameDecoder, encode

PEER = "ProcessPoolExecutor"
_READ_BYTES = 1 << 16


@contextmanager
def relayed() -> Iterator[Callable[[int], Any]]:
    """`double`, called in another process by way of Node."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "relay")
        command = [find_node(), str(Path(__file__).with_name("_relay.mjs")), path]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as relay:
            assert relay.stdin is not None
            assert relay.stdout is not None
            to_relay, from_relay = relay.stdin.fileno(), relay.stdout.fileno()
            os.read(from_relay, _READ_BYTES)  # it listens
            if (worker := os.fork()) == 0:
                os.close(to_relay)
                _serve(path)
            os.read(from_relay, _READ_BYTES)  # the worker is connected
            try:

                def call(number: int) -> Any:
                    header = {"type": "call", "id": number, "tool": "double", "input": {"number": number}}
                    os.write(to_relay, encode(header, pickle.dumps(((), {"number": number}))))
                    (frame,) = FrameDecoder().feed(os.read(from_relay, _READ_BYTES))
                    return pickle.loads(frame.body)

                yield call
            finally:
                relay.kill()  # the pool's workers hold its pipe open
                os.waitpid(worker, 0)


def _serve(path: str) -> NoReturn:
    with socket.socket(socket.AF_UNIX) as channel:
        channel.connect(path)
        while data := channel.recv(_READ_BYTES):
            (frame,) = FrameDecoder().feed(data)
            args, kwargs = pickle.loads(frame.body)
            result = pickle.dumps(double(*args, **kwargs))
            channel.sendall(encode({"type": "ended", "id": frame.header["id"]}, result))
    os._exit(0)


@contextmanager
def one_attempt() -> Iterator[None]:
    """Plain CrewAI, but each schema is rendered once, and what raises is not run again."""
    start, use = tool_usage.ToolUsage.__init__, tool_usage.ToolUsage._use
    select, describe = tool_usage.ToolUsage._select_tool, structured_tool.format_description_for_llm

    def begin(usage: Any, *args: Any, **kwargs: Any) -> None:
        start(usage, *args, **kwargs)
        usage._max_parsing_attempts = 1
        usage._run_attempts = 1

    def use_known(usage: Any, *, tool: Any, **rest: Any) -> Any:
        return use(usage, tool=rendering.with_known_schema(tool), **rest)

    with ExitStack() as stack:
        for owner, name, replacement in (
            (tool_usage.ToolUsage, "__init__", begin),
            (tool_usage.ToolUsage, "_use", use_known),
            (tool_usage.ToolUsage, "_select_tool", lambda usage, name: rendering.select_tool(select, usage, name)),
            (
                structured_tool,
                "format_description_for_llm",
                lambda *args: rendering.format_description(describe, *args),
            ),
        ):
            stack.enter_context(patch.object(owner, name, replacement))
        yield


def times_us(call: Callable[[], None], calls: int = 40) -> list[float]:
    times = []
    for number in range(calls + 1):
        begin = time.perf_counter()
        call()
        if number > 0:  # the first one after a change warms up
            times.append((time.perf_counter() - begin) * 1e6)
    return times


def show_attempts() -> None:
    print("\nOne call from text: plain CrewAI, and each schema rendered once, tried once (median µs)")
    for name, tool in (("text (ReAct)", crewai_call.Lookup()), ("text, the tool raises", crewai_call.Failing())):
        call = crewai_call.text_call(tool)
        plain: list[float] = []
        least: list[float] = []
        for _ in range(6):
            plain += times_us(call)
            with one_attempt():
                least += times_us(call)
        middles = statistics.median(plain), statistics.median(least)
        print(f"  {name:36}{middles[0]:12.0f}{middles[1]:12.0f}{middles[1] / middles[0]:8.2f}", flush=True)


def show_kickoffs() -> None:
    """The share of plain CrewAI's time that no change of a tool call can touch."""
    print("\nA kickoff with 100 tool calls on plain CrewAI: ms, ms outside of the tool calls, their share")
    inside_s = [0.0]

    def timed(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            begin = time.perf_counter()
            try:
                return original(*args, **kwargs)
            finally:
                inside_s[0] += time.perf_counter() - begin

        return call

    with ExitStack() as stack:
        for owner, name in (
            (agent_executor, "execute_tool_and_check_finality"),
            (agent_executor.AgentExecutor, "_execute_single_native_tool_call"),
        ):
            stack.enter_context(patch.object(owner, name, timed(getattr(owner, name))))
        for title, native, tools in (("text, 2 tools", False, 2), ("text, 10 tools", False, 10), ("native", True, 2)):
            kickoff = crewai_call.kickoff(native=native, tools=tools)
            kickoff()
            outside = []
            for _ in range(5):
                inside_s[0] = 0.0
                begin = time.perf_counter()
                kickoff()
                taken = time.perf_counter() - begin
                outside.append((taken, taken - inside_s[0]))
            taken, rest = sorted(outside)[len(outside) // 2]
            print(f"  {title:36}{taken * 1e3:12.0f}{rest * 1e3:12.0f}{rest / taken:8.2f}", flush=True)


def main() -> None:
    print(machine())
    with ProcessPoolExecutor(4) as pool, relayed() as relay:
        calls = {"the same hops, nothing decided": relay, PEER: lambda n: pool.submit(double, n).result()}
        rows = interleave(calls, callers=1, rounds=5, calls_per_round=400, expected=double)
        show("A call in a worker, 1 caller", rows, PEER)
    show_attempts()
    show_kickoffs()


if __name__ == "__main__":
    main()
