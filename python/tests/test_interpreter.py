"""Where no worker can be started, and why."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from endstop.client.interpreter import interpreter


def test_without_proc_there_are_no_workers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    assert interpreter() == {"executable": sys.executable}
    monkeypatch.setattr("endstop.client.interpreter._OWN_THREADS", str(tmp_path / "task"))
    told = interpreter()
    assert told["executable"] is None
    assert told["refusal"].startswith("/proc is not mounted: ")


def test_where_there_never_is_a_proc_there_are_workers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr("endstop.client.interpreter._OWN_THREADS", str(tmp_path / "task"))
    assert interpreter() == {"executable": sys.executable}
