"""Bodies on the host that do not stop."""

from __future__ import annotations

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
