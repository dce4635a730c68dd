"""Which call a process belongs to."""

from __future__ import annotations

import sys
import types

import pytest

from endstop.client.guest import shown_invitation


def test_a_call_while_another_thread_imports_multiprocessing_does_not_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    half_imported = types.ModuleType("multiprocessing.process")
    monkeypatch.setitem(sys.modules, "multiprocessing.process", half_imported)
    monkeypatch.delenv("ENDSTOP_CALL", raising=False)
    assert shown_invitation() is None
