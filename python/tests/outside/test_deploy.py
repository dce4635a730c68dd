"""What docs/deploy.md says of places where programs run."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from tests.outside.programs import Programs

_IMPORTS = "import os, sys, time; from endstop import ToolExecutor\n"


def test_neither_the_engine_nor_its_workers_open_the_network(programs: Programs) -> None:
    programs.run(
        _IMPORTS
        + """
import psutil
executor = ToolExecutor()
executor.register(lambda: os.getpid(), name="where", placement="worker")
worker = executor.execute_tool("where")
family = psutil.Process().children(recursive=True)
assert worker in {process.pid for process in family} and len(family) >= 3, family
for process in [psutil.Process(), *family]:
    assert process.net_connections(kind="inet") == [], process
"""
    )


def test_where_the_systems_temporary_folder_cannot_be_written_endstop_tmpdir_names_another(
    programs: Programs, tmp_path: Path
) -> None:
    folder = str(tmp_path / "own")
    os.mkdir(folder)
    programs.run(
        _IMPORTS
        + """
folder = os.environ["ENDSTOP_TMPDIR"]
executor = ToolExecutor()
executor.register(lambda: os.getpid(), name="where", placement="worker")
assert executor.execute_tool("where") != os.getpid()
assert [name for name in os.listdir(folder) if name.startswith("endstop-")], "its directories are there"
""",
        ENDSTOP_TMPDIR=folder,
        TMPDIR="/proc/nowhere",
    )
    assert os.listdir(folder) == []


def test_a_process_that_was_frozen_with_its_engine_goes_on_where_it_was(programs: Programs) -> None:
    program = programs.start(
        _IMPORTS
        + """
executor = ToolExecutor()
executor.register(lambda n: n, name="same", max_calls=2)
executor.register(lambda: os.getpid(), name="where", placement="worker")
executor.execute_tool("where")
assert executor.execute_tool("same", {"n": 1}) == 1
print(" ".join(map(str, [os.getpid(), *(each.pid for each in __import__("psutil").Process().children(True))])))
print("ready", flush=True)
while not os.path.exists("thawed"): time.sleep(0.01)
assert executor.execute_tool("same", {"n": 2}) == 2
assert executor.try_execute_tool("same", {"n": 3}).failure.code == "usage-limit"
assert executor.execute_tool("where") != os.getpid()
"""
    )
    family = [int(pid) for pid in program.wait_for("ready").split("\n")[0].split()]
    for pid in family:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(1.5)  # longer than the engine waits before it looks at its parent
    (program.folder / "thawed").touch()
    for pid in reversed(family):
        os.kill(pid, signal.SIGCONT)
    finished = program.finish()
    assert (finished.exit_code, finished.stderr) == (0, "")
