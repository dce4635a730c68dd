"""A call that is repeated by name runs once, also over the engine's death. Bodies are counted by what they write."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from endstop import Outcome, ToolExecutor
from tests.outside import tools
from tests.outside.test_engine_faults import engine_pid

each_placement = pytest.mark.parametrize("placement", ["host", "worker"])
each_scope = pytest.mark.parametrize("in_run", [True, False])


def code_of(outcome: Outcome) -> str:
    return "succeeded" if outcome.failure is None else outcome.failure.code


@each_placement
@each_scope
def test_a_finished_call_is_answered_with_its_outcome_also_by_the_next_engine(
    executor: ToolExecutor, tmp_path: Path, placement: str, in_run: bool
) -> None:
    executor.register(tools.note_then_give, name="pay", placement=placement)
    executor.register(tools.add)
    paid = {"path": str(tmp_path / "paid"), "value": (1, b"x")}
    failed = {"path": str(tmp_path / "failed"), "value": ValueError("no money")}
    with executor.run() if in_run else nullcontext():
        for _ in range(2):
            for _ in range(2):
                outcome = executor.try_execute_tool("pay", paid, idempotency_key="order 1")
                assert outcome.value == (1, b"x")
                failure = asyncio.run(executor.atry_execute_tool("pay", failed, idempotency_key="order 2")).failure
                assert failure is not None
                assert (failure.code, failure.error and failure.error.message) == ("tool-error", "no money")
            os.kill(engine_pid(), signal.SIGKILL)
            # A worker call that is written to a dead engine's pipe is lost; one of the host is sent again.
            assert executor.execute_tool("add", {"a": 1, "b": 2}) == 3
        assert (outcome.attempts, failure.attempts) == (0, 0)
        other = {**paid, "value": 2}
        assert code_of(executor.try_execute_tool("pay", other, idempotency_key="order 1")) == "key-reused"
        (batched,) = executor.execute_batch([{"tool": "pay", "args": paid, "idempotency_key": "order 1"}])
        assert batched.value == (1, b"x")
    assert [(tmp_path / name).read_text() for name in ("paid", "failed")] == ["x", "x"]


@each_scope
def test_a_call_whose_engine_died_in_the_middle_is_not_run_again(
    executor: ToolExecutor, tmp_path: Path, in_run: bool
) -> None:
    notes = tmp_path / "notes"
    executor.register(tools.note_then_kill_engine, name="pay", placement="worker")
    args = {"path": str(notes)}
    with executor.run() if in_run else nullcontext():
        executor.register(tools.add)
        executor.execute_tool("add", {"a": 1, "b": 1})
        args["pid"] = engine_pid()  # type: ignore[assignment]
        codes = [code_of(executor.try_execute_tool("pay", args, idempotency_key="order")) for _ in range(3)]
    assert codes == ["lost", "effect-unknown", "effect-unknown"]
    assert notes.read_text() == "x"


def test_a_result_that_cannot_be_kept_is_only_known_to_be_done(executor: ToolExecutor) -> None:
    made: list[Any] = [object(), "x" * 70_000]
    executor.register(lambda which: made[which], name="get")
    for which, value in enumerate(made):
        outcomes = [executor.try_execute_tool("get", {"which": which}, idempotency_key=f"{which}") for _ in range(2)]
        assert outcomes[0].value is value
        assert code_of(outcomes[1]) == "already-done"


def test_a_key_must_be_a_text(executor: ToolExecutor) -> None:
    executor.register(tools.add)
    for key in (1, ""):
        with pytest.raises(TypeError, match="idempotency_key must be a text"):
            executor.execute_tool("add", {"a": 1, "b": 2}, idempotency_key=key)  # type: ignore[arg-type]
