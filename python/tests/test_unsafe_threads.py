"""Whether a fork is safe, where the system does not say which threads there are."""

from __future__ import annotations

import os
from unittest.mock import Mock

import psutil
import pytest

from endstop.worker.threads import unsafe_threads


def test_without_proc_the_reason_is_said_and_nothing_is_forked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "listdir", Mock(side_effect=FileNotFoundError("/proc/self/task")))
    monkeypatch.setattr(psutil, "Process", Mock(side_effect=psutil.NoSuchProcess(os.getpid())))
    assert unsafe_threads()[-1] == "those that /proc would tell, which is missing"
