"""Bodies on the host that do not stop."""

from __future__ import annotations

import sys

import pytest

from tests.outside.programs import Programs


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("time.sleep(60)", id="sleeps in C"),
        pytest.param(
            "while True:\n        try:\n            while True: time.sleep(0.01)\n        except BaseException: pass",
            id="swallows every stop",
        ),
    ],
)
def test_the_interpreter_exits_although_a_body_is_stuck(programs: Programs, body: str) -> None:
    finished = programs.run(
        f"""
import time
import endstop

def stuck():
    {body}

executor = endstop.ToolExecutor(timeout_seconds=0.1)
executor.register(stuck)
outcome = executor.try_execute_tool("stuck")
assert outcome.status == "timed-out", outcome
[found] = endstop.stuck_bodies()
assert (found.tool, found.call_id) == ("stuck", outcome.call_id)
assert "in stuck" in found.stack
print("ends", time.monotonic())
"""
    )
    assert finished.stdout.startswith("ends")
    assert finished.stderr == ""
    assert finished.seconds < 20


def test_a_tool_with_too_many_stuck_bodies_is_rejected_until_they_stop(programs: Programs) -> None:
    programs.run(
        """
        import threading, time
        import endstop

        over = threading.Event()

        def hang():
            over.wait()

        def other():
            return 1

        with endstop.ToolExecutor(timeout_seconds=0.05) as executor:
            executor.register(hang, max_stuck=3)
            executor.register(other)
            codes = [executor.try_execute_tool("hang").failure.code for _ in range(5)]
            assert codes == ["timed-out"] * 3 + ["host-stuck"] * 2, codes
            assert len(endstop.stuck_bodies()) == 3
            assert "3 of its bodies" in executor.try_execute_tool("hang").failure.message
            assert executor.execute_tool("other") == 1
            over.set()
            while endstop.stuck_bodies():
                time.sleep(0.01)
            assert executor.try_execute_tool("hang").status == "succeeded"
        """
    )


@pytest.mark.parametrize("way", ["settrace", "setprofile"])
def test_a_measuring_tool_changes_no_deadline_and_nothing_spins(programs: Programs, way: str) -> None:
    """As coverage does it, and profilers: on Python 3.11 all of them stood still at 100 % CPU."""
    finished = programs.run(
        f"""
import asyncio, sys, threading, time
import endstop

def measure(frame, event, argument):
    return measure

def nap():
    time.sleep(1)

def spin():
    while True: pass

async def nap_async():
    await asyncio.sleep(1)

threading.{way}(measure)
sys.{way}(measure)
executor = endstop.ToolExecutor(timeout_seconds=0.2)
for tool in (nap, spin, nap_async):
    executor.register(tool)
    print(executor.try_execute_tool(tool.__name__).status)
    print(asyncio.run(executor.atry_execute_tool(tool.__name__)).status)
time.sleep(1)
print(len(endstop.stuck_bodies()))
used = time.process_time()
time.sleep(0.5)
assert time.process_time() - used < 0.3
"""
    )
    assert finished.stdout == "timed-out\n" * 6 + "0\n"
    assert finished.stderr == ""


def test_a_program_whose_async_body_swallows_every_cancel_ends_as_it_would(programs: Programs) -> None:
    """asyncio.run waits for the tasks that it cancels: it waited for that one for ever."""
    finished = programs.start(
        """
import asyncio, atexit, logging, logging.handlers, sys
import endstop

async def stuck():
    while True:
        try:
            await asyncio.sleep(60)
        except BaseException:
            pass

async def main():
    executor = endstop.ToolExecutor(timeout_seconds=0.1)
    executor.register(stuck)
    print((await executor.atry_execute_tool("stuck")).status)
    log.info("logged")
    sys.exit(3)

atexit.register(lambda: print("exit handler", flush=True))
log = logging.getLogger("mine")
log.setLevel(logging.INFO)
log.addHandler(logging.handlers.MemoryHandler(100, target=logging.StreamHandler(sys.stdout)))
asyncio.run(main())
"""
    ).finish()
    assert finished.exit_code == 3
    assert finished.stdout == "timed-out\nexit handler\nlogged\n"
    assert finished.stderr == ""
    assert finished.seconds < 10


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="keeps its threads where nobody can reach them")
def test_a_program_ends_although_an_async_body_is_stuck_in_a_thread_and_waits_for_its_own(programs: Programs) -> None:
    finished = programs.start(
        """
import asyncio, atexit, sys, time
import endstop

async def stuck():
    await asyncio.to_thread(time.sleep, 60)

def own():
    time.sleep(1)
    print("its own work")

async def main():
    executor = endstop.ToolExecutor(timeout_seconds=0.1)
    executor.register(stuck)
    asyncio.get_running_loop().run_in_executor(None, own)
    print((await executor.atry_execute_tool("stuck")).status)
    sys.exit(3)

atexit.register(lambda: print("exit handler", flush=True))
asyncio.run(main())
"""
    ).finish()
    assert finished.exit_code == 3
    assert finished.stdout == "timed-out\nits own work\nexit handler\n"
    assert finished.stderr == ""


def test_asyncio_run_does_not_wait_for_a_thread_in_which_an_async_body_is_stuck(programs: Programs) -> None:
    finished = programs.run(
        """
import asyncio, threading, time
import endstop

release = threading.Event()

async def stuck():
    await asyncio.to_thread(release.wait, 60)

async def main():
    with endstop.ToolExecutor(timeout_seconds=0.1) as executor:
        executor.register(stuck)
        print((await executor.atry_execute_tool("stuck")).status)
        print(await asyncio.to_thread(lambda: "others go on"))

began = time.monotonic()
asyncio.run(main())
print(time.monotonic() - began < 20)
release.set()
"""
    )
    assert finished.stdout == "timed-out\nothers go on\nTrue\n"
    assert finished.stderr == ""
