"""Whose handler of SIGINT ours may go before."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any
from unittest.mock import Mock

import crewai_core.telemetry
import pytest

from endstop.crewai.interrupts import cancelled_by_ctrl_c


@pytest.mark.parametrize(("module", "is_cancelled"), [("crewai.telemetry.telemetry", True), ("my_app", False)])
def test_ctrl_c_ends_the_tools_before_crewais_telemetry_and_leaves_others_alone(
    module: str, is_cancelled: bool
) -> None:
    heard: list[str] = []
    cancelled = threading.Event()

    def handler(_number: int, _frame: FrameType | None) -> None:
        heard.append(module)
        raise KeyboardInterrupt

    handler.__module__ = module
    run: Any = Mock()
    run.cancel = cancelled.set
    before = signal.signal(signal.SIGINT, handler)
    try:
        with pytest.raises(KeyboardInterrupt), cancelled_by_ctrl_c(run):
            signal.raise_signal(signal.SIGINT)
        assert (heard, cancelled.wait(5 if is_cancelled else 0.1)) == ([module], is_cancelled)
        assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_ctrl_c_gives_crewais_telemetry_half_a_second_for_its_last_export(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crewai_core.telemetry, "FINAL_FLUSH_SECONDS", 10)
    waits: list[float] = []

    def handler(_number: int, _frame: FrameType | None) -> None:
        waits.append(crewai_core.telemetry.FINAL_FLUSH_SECONDS)
        raise KeyboardInterrupt

    handler.__module__ = "crewai.telemetry.telemetry"
    before = signal.signal(signal.SIGINT, handler)
    try:
        with pytest.raises(KeyboardInterrupt), cancelled_by_ctrl_c(Mock()):
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert waits == [0.5]
    assert crewai_core.telemetry.FINAL_FLUSH_SECONDS == 10
