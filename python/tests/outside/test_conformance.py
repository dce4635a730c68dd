"""What protocol/conformance.json promises, for Python's placements. The TypeScript suite reads the same list."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from endstop import ToolExecutor
from tests.outside import probe, spawning_probe
from tests.outside.programs import Programs
from tests.support.fake_engine import eventually, state_of

CONFORMANCE = json.loads((Path(__file__).parents[3] / "protocol" / "conformance.json").read_text())
PLACEMENTS: dict[str, tuple[Callable[..., Any], str]] = {
    "host-python": (probe.probe, "host"),
    "worker-python-fork": (probe.probe, "worker"),
    "worker-python-spawn": (spawning_probe.probe, "worker"),
}
# The promise is 1.5 s on an idle machine; the machines that run the tests may be slow.
ANSWERED_WITHIN_MS = 3_000


class Bench:
    """One placement, ready to be asked."""

    def __init__(self, executor: ToolExecutor, placement: str, log: Path) -> None:
        self.executor = executor
        self.placement = placement
        self.log = log

    def register(self, **options: Any) -> None:
        tool, placement = PLACEMENTS[self.placement]
        self.executor.register(tool, name="probe", placement=placement, **options)
        if placement == "worker":
            self.call("echo")  # a deadline does not start before a worker is ready, and the imports take their time

    def call(self, do: str, **arguments: Any) -> Any:
        return self.executor.try_execute_tool("probe", {"do": do, **arguments})

    def logged(self, word: str) -> list[int]:
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [int(line.split()[1]) for line in lines if line.startswith(f"{word} ")]

    def next_call_works(self) -> None:
        assert self.call("echo", value="next").value == "next"


def value(bench: Bench, programs: Programs) -> None:
    bench.register()
    sent = {"rows": [1, 2.5, "drei", None, {"deep": True}]}
    outcome = bench.call("echo", value=sent)
    assert (outcome.status, outcome.attempts, outcome.value) == ("succeeded", 1, sent)


def error(bench: Bench, programs: Programs) -> None:
    bench.register()
    outcome = bench.call("throw", log=str(bench.log))
    assert (outcome.status, outcome.failure.code, outcome.attempts) == ("failed", "tool-error", 1)
    assert "the disk is full" in outcome.failure.message
    assert len(bench.logged("started")) == 1


def causes(bench: Bench, programs: Programs) -> None:
    bench.register()
    found = bench.call("throw").failure.error
    assert (found.name.rsplit(".", 1)[-1], found.message) == ("_Full", "the disk is full")
    assert (found.cause.name, found.cause.message, found.cause.cause.name) == ("OSError", "no space", "KeyError")
    assert "in _fail" in found.stack


def invalid_input(bench: Bench, programs: Programs) -> None:
    bench.register()
    outcome = bench.executor.try_execute_tool("probe", {"does": "echo"})
    assert (outcome.status, outcome.failure.code, outcome.attempts) == ("rejected", "invalid-input", 0)


def big_result(bench: Bench, programs: Programs) -> None:
    bench.register()
    text = "ä" * 10_000_000
    assert bench.call("echo", value=text).value == text


def deadline(bench: Bench, programs: Programs) -> None:
    answered_on_time(bench, "wait")


def deadline_spinning(bench: Bench, programs: Programs) -> None:
    answered_on_time(bench, "spin")


def answered_on_time(bench: Bench, do: str) -> None:
    bench.register(timeout="500ms")
    began = time.monotonic()
    outcome = bench.call(do)
    assert (outcome.status, outcome.failure.code) == ("timed-out", "timed-out")
    assert 500 <= (time.monotonic() - began) * 1_000 < ANSWERED_WITHIN_MS
    bench.next_call_works()


def asked_to_stop(bench: Bench, programs: Programs) -> None:
    bench.register(timeout="500ms")
    bench.call("wait", log=str(bench.log))
    assert eventually(lambda: "asked to stop" in bench.log.read_text())


def exit_(bench: Bench, programs: Programs) -> None:
    bench.register()
    crash = bench.call("exit").failure.crash
    assert (crash.exit_code, crash.signal) == (7, None)
    bench.next_call_works()


def signal_death(bench: Bench, programs: Programs) -> None:
    bench.register()
    failure = bench.call("die").failure
    assert (failure.code, failure.crash.exit_code, failure.crash.signal) == ("worker-crashed", None, "SIGSEGV")
    bench.next_call_works()


def descendants(bench: Bench, programs: Programs) -> None:
    bench.register(timeout="500ms")
    assert bench.call("leave", log=str(bench.log)).status == "timed-out"
    children = bench.logged("child")
    assert len(children) == 2
    assert eventually(lambda: all(state_of(pid) in ("", "Z", None) for pid in children))


def printed_output(bench: Bench, programs: Programs) -> None:
    tool, placement = PLACEMENTS[bench.placement]
    program = (
        "from endstop import ToolExecutor\n"
        f"from {tool.__module__} import probe\n"
        "with ToolExecutor(worker_stdout='stdout') as executor:\n"
        f"    executor.register(probe, placement={placement!r})\n"
        "    print('the outcome:', executor.execute_tool('probe', {'do': 'print'}), flush=True)\n"
    )
    ended = programs.run(program)
    assert ended.stdout.splitlines() == ["printed to stdout", "the outcome: printed"]
    assert ended.stderr.splitlines() == ["printed to stderr"]


def cannot_move(bench: Bench, programs: Programs) -> None:
    bench.register()
    outcome = bench.call("lock")
    assert (outcome.status, outcome.failure.code, outcome.attempts) == ("failed", "cannot-move", 1)
    assert "lock" in outcome.failure.message


def exact_limit(bench: Bench, programs: Programs) -> None:
    tool, placement = PLACEMENTS[bench.placement]
    bench.executor.register(tool, name="probe", placement=placement, max_calls=10)
    with ThreadPoolExecutor(30) as callers:
        outcomes = list(callers.map(lambda n: bench.call("echo", log=str(bench.log), value=n), range(30)))
    assert [outcome.status for outcome in outcomes].count("succeeded") == 10
    assert len(bench.logged("started")) == 10


def repeated_call(bench: Bench, programs: Programs) -> None:
    bench.register()
    with bench.executor.run():
        seen = [bench.call("echo", value="same").status for _ in range(4)]
    assert seen == ["succeeded", "succeeded", "succeeded", "rejected"]


def tree(bench: Bench, programs: Programs) -> None:
    with ToolExecutor(max_recursion_depth=4) as executor:

        def nest(left: int) -> str:
            inner = executor.try_execute_tool("nest", {"left": left - 1}) if left else None
            if inner is None:
                return "the bottom"
            return inner.value if inner.succeeded else inner.failure.message

        executor.register(nest, max_reentry=None)
        assert executor.execute_tool("nest", {"left": 3}) == "the bottom"
        assert "at depth 5, the limit is 4: nest → nest" in executor.execute_tool("nest", {"left": 9})


def context_variables(bench: Bench, programs: Programs) -> None:
    bench.register()
    token = probe.tenant.set("acme")
    try:
        assert bench.call("tenant").value == "acme"
    finally:
        probe.tenant.reset(token)


TESTS: dict[str, Callable[[Bench, Programs], None]] = {
    "value": value,
    "error": error,
    "causes": causes,
    "invalid-input": invalid_input,
    "big-result": big_result,
    "deadline": deadline,
    "deadline-spinning": deadline_spinning,
    "asked-to-stop": asked_to_stop,
    "exit": exit_,
    "signal-death": signal_death,
    "descendants": descendants,
    "printed-output": printed_output,
    "cannot-move": cannot_move,
    "exact-limit": exact_limit,
    "repeated-call": repeated_call,
    "tree": tree,
    "context-variables": context_variables,
}
GIVEN = [
    (placement, guarantee)
    for placement in PLACEMENTS
    for guarantee, entry in CONFORMANCE["guarantees"].items()
    if placement not in entry.get("notFor", {})
]


@pytest.mark.parametrize(("placement", "guarantee"), GIVEN)
def test_a_placement_keeps_its_guarantee(
    placement: str, guarantee: str, executor: ToolExecutor, programs: Programs, tmp_path: Path
) -> None:
    TESTS[guarantee](Bench(executor, placement, tmp_path / "log"), programs)


def test_each_guarantee_that_a_python_placement_gives_has_a_test_and_no_other() -> None:
    assert sorted(TESTS) == sorted({guarantee for _placement, guarantee in GIVEN})
    assert set(PLACEMENTS) <= set(CONFORMANCE["placements"])


@pytest.mark.parametrize(("placement", "spawned"), [("worker-python-fork", False), ("worker-python-spawn", True)])
def test_the_two_worker_placements_are_what_they_are_called(
    placement: str, spawned: bool, executor: ToolExecutor, tmp_path: Path
) -> None:
    bench = Bench(executor, placement, tmp_path / "log")
    bench.register()
    bench.call("echo", log=str(bench.log))
    [worker] = bench.logged("started")
    assert (b"run_spawned" in Path(f"/proc/{worker}/cmdline").read_bytes()) is spawned
