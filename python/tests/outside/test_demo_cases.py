"""The cases of the demo whose tool runs in a worker end with Endstop as the demo's table says."""

from __future__ import annotations

import pytest

from tests.outside.programs import Programs

# As the demo itself, but on one side. The crew waits three seconds for its tool: a busy machine may miss that now and
# then, while a worker that is late for a reason is late each time.
PROGRAM = """
import os, sys
from pathlib import Path
from endstop.demo.__main__ import CREWAI_SETTINGS

os.environ.update(CREWAI_SETTINGS, CREWAI_STORAGE_DIR=os.getcwd())

from endstop.demo.cases import CASES
from endstop.demo.judging import Row, reasons
from endstop.demo.processes import CaseProcess, measure
from endstop.demo.progress import Progress

waiting = {case.name: case for case in CASES if case.name in sys.argv[1:]}
assert len(waiting) == len(sys.argv[1:]), sorted(waiting)
for attempt in range(3):
    folder = Path(f"attempt-{attempt}").absolute()
    folder.mkdir()
    jobs = [(case, "endstop") for case in waiting.values()]
    for (name, _), found in measure(jobs, lambda case, side: CaseProcess(case, side, folder), Progress()).items():
        why = reasons(Row(waiting[name], plain=found, endstop=found))
        print(name, why)
        if not why:
            del waiting[name]
    if not waiting:
        break
sys.exit(len(waiting))
"""

PATIENCE_S = 150


@pytest.mark.timeout(PATIENCE_S + 30)
def test_crews_that_ask_natively_for_a_tool_in_a_worker_have_their_answer_in_time(programs: Programs) -> None:
    ended = programs.start(PROGRAM, "endless", "lock").finish(PATIENCE_S)
    assert ended.exit_code == 0, f"{ended.stdout}\n{ended.stderr}"
