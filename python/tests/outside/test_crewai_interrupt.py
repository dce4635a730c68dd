"""Ctrl-C in a real crew, in a program of its own."""

from __future__ import annotations

import signal
import time
from pathlib import Path

from tests.outside.programs import Programs

PROGRAM = """
    import asyncio
    import threading
    import time
    from tests.support.crews import make_crew
    from crewai.tools import tool
    from endstop.crewai import install
    from endstop.demo.scripted import Ask

    print_lock = threading.Lock()
    print = __import__("functools").partial(print, flush=True)

    def began():
        with print_lock:
            print("began")

    @tool("in_python")
    def in_python(n: int) -> str:
        '''Sleeps in many steps.'''
        began()
        for _ in range(60_000):
            time.sleep(0.001)
        return "never"

    @tool("in_c")
    def in_c(n: int) -> str:
        '''Sleeps in one step.'''
        began()
        time.sleep(60)
        return "never"

    @tool("limited", max_usage_count=10)
    def limited(n: int) -> str:
        '''Waits for what nobody sends.'''
        began()
        threading.Event().wait(60)
        return "never"

    install(max_batch=20)
    asks = [Ask(name, {"n": n}) for n in range(7) for name in ("in_python", "in_c", "limited")][:20]
    def crew():
        return make_crew([in_python, in_c, limited], [asks, "done"])[0]

    try:
        crew().kickoff()
    except KeyboardInterrupt:
        print("interrupted kickoff")
    try:
        asyncio.run(crew().akickoff())
    except KeyboardInterrupt:
        print("interrupted akickoff")
        raise
"""


def test_ctrl_c_in_a_crew_with_twenty_running_tools_gives_the_prompt_back_at_once(
    programs: Programs, tmp_path: Path
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    program = programs.start(PROGRAM, CREWAI_STORAGE_DIR=str(tmp_path / "storage"), TMPDIR=str(scratch))
    program.wait_until(lambda: program.stdout.count("began") == 20, "began 20 bodies")
    began = time.monotonic()
    program.process.send_signal(signal.SIGINT)
    program.wait_for("interrupted kickoff")
    assert time.monotonic() - began < 2
    program.wait_until(lambda: program.stdout.count("began") == 40, "began 20 more")
    began = time.monotonic()
    program.process.send_signal(signal.SIGINT)
    finished = program.finish()
    assert time.monotonic() - began < 3
    assert "interrupted akickoff" in finished.stdout
    assert finished.exit_code == -signal.SIGINT
    assert [path.name for path in scratch.iterdir() if path.name.startswith("endstop")] == []
