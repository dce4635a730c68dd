"""Tools that use Endstop themselves; workers and child processes import them by name."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import subprocess
import sys
import threading
import time
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

from endstop import Outcome, ToolExecutor
from endstop.client.engine import shared_engine

executor = ToolExecutor(max_recursion_depth=20, max_reentry=20)
"""Made as this module is imported: in a worker, that is in the template."""

Seen = tuple[tuple[str, ...], str | None]

_CHILD = """
import sys
from tests.outside import joining_tools
print(joining_tools.nested(*sys.argv[1:]), flush=True)
"""


def seen(outcome: Outcome) -> Seen:
    return outcome.path, None if outcome.failure is None else outcome.failure.code


def leaf(text: str = "") -> str:
    return text


def end_now(code: int) -> None:
    os._exit(code)


def wait(seconds: float, started: str = "") -> None:
    if started:
        Path(started).touch()
    time.sleep(seconds)


def grandchild(text: str = "") -> str:
    """On the host of whoever calls it, and starts a process in its turn."""
    return in_subprocess("leaf", text)


def ping(level: int) -> list[Seen]:
    """Calls `pong` in another worker, which calls `ping`."""
    return _next("pong", level)


def pong(level: int) -> list[Seen]:
    return _next("ping", level)


def _next(name: str, level: int) -> list[Seen]:
    outcome = executor.try_execute_tool(name, {"level": level + 1})
    return [seen(outcome), *(outcome.value if outcome.failure is None else [])]


def variable(name: str) -> str | None:
    return os.environ.get(name)


def variable_in_a_nested_worker(name: str) -> str | None:
    value: str | None = executor.execute_tool("variable", {"name": name})
    return value


for _tool in (ping, pong, leaf, variable):
    executor.register(_tool, placement="worker", timeout="30s")
for _tool in (end_now, wait, grandchild):
    executor.register(_tool)
executor.register(leaf, name="limited", max_calls=3)
executor.register(leaf, name="limited in a run", max_calls_per_run=3)


def nested(tool: str = "leaf", text: str = "") -> Seen:
    return seen(executor.try_execute_tool(tool, {"text": text}))


def nested_of_its_own(tool: str = "leaf", text: str = "") -> Seen:
    """By an executor that is made for it, whose tool has the name `tool`."""
    with ToolExecutor(max_recursion_depth=20) as own:
        own.register(leaf, name=tool)
        return seen(own.try_execute_tool(tool, {"text": text}))


def outcomes_of(tool: str, calls: int) -> list[str | None]:
    return [nested(tool)[1] for _ in range(calls)]


def in_subprocess(*arguments: str) -> str:
    command = [sys.executable, "-c", _CHILD, *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def in_fork(*arguments: str) -> str:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            os.write(writing, repr(nested(*arguments)).encode())
            shared_engine().end("the child is over")
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    return told


def in_multiprocessing(method: str, *arguments: str) -> str:
    context = multiprocessing.get_context(method)
    reading, writing = context.Pipe(duplex=False)
    process = context.Process(target=_tell, args=(writing, arguments))  # type: ignore[attr-defined]  # of every context
    process.start()
    writing.close()
    with reading:
        told: str = reading.recv()
    process.join()
    process.close()
    # It would live as long as this process, and the leak detector looks earlier.
    resource_tracker._resource_tracker._stop()  # type: ignore[attr-defined]  # it has no public end
    return told


def _tell(writing: Any, arguments: tuple[str, ...]) -> None:
    writing.send(repr(nested(*arguments)))


def leave_a_child(told: str) -> int:
    """Starts a process that calls a tool once this call is over."""
    code = (
        "import os, sys, time\n"
        "from tests.outside import joining_tools\n"
        "from endstop.client.engine import shared_engine\n"
        "print(joining_tools.nested(), file=open(sys.argv[1], 'a'), flush=True)\n"
        "sys.stdin.read()\n"
        "print(joining_tools.nested(), shared_engine().live_connection.process.invitation is None,\n"
        "      file=open(sys.argv[1], 'a'), flush=True)\n"
    )
    reading, writing = os.pipe()
    child = subprocess.Popen([sys.executable, "-c", code, told], stdin=reading)
    os.close(reading)
    while not os.path.exists(told) or "leaf" not in Path(told).read_text():
        time.sleep(0.01)

    def end() -> None:
        time.sleep(0.3)
        os.close(writing)
        child.wait()

    threading.Thread(target=end).start()
    return child.pid


def hang_with_a_nested_call(started: str) -> None:
    executor.try_execute_tool("wait", {"seconds": 60, "started": started})


def child_that_dies_in_its_call(code: int) -> int:
    """A process that is gone in the middle of its own call to a tool on its host."""
    program = (
        f"from tests.outside import joining_tools as j; j.executor.try_execute_tool('end_now', {{'code': {code}}})"
    )
    return subprocess.run([sys.executable, "-c", program]).returncode
