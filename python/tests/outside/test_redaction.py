"""Secret values are written nowhere but in what a tool is given: not in journals, kept ones too, texts, figures."""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from endstop import ToolExecutor
from endstop.client.engine import shared_engine
from endstop.host.bodies import body_threads
from tests.support.fake_engine import eventually
from tests.support.leaks import LeakDetector

SECRETS = ("hunter2-of-bob", "sk-4242", "nested-9f8e", "given-back-77")


def log_in(user: str, password: str, options: dict[str, Any]) -> dict[str, Any]:
    if user == "nobody":
        raise ValueError(f"{user} has not the password {password!r}, nor {options}")
    return {"user": user, "session": {"token": "given-back-77"}}


@pytest.fixture
def kept(leaks: LeakDetector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    shared_engine().end("the next one reads the setting")
    monkeypatch.setenv("ENDSTOP_JOURNALS", str(tmp_path / "kept"))
    yield tmp_path / "kept"
    shared_engine().end("the test is over")
    body_threads.release(("endstop",))  # the one that made exceptions of workers again


def _texts(directory: Path) -> str:
    return "".join(path.read_text() for path in sorted(directory.glob("*.journal")))


@pytest.mark.parametrize("placement", ["host", "worker"])
def test_secrets_stand_in_no_journal_text_or_figure(kept: Path, placement: Any) -> None:
    with ToolExecutor() as executor:
        executor.register(log_in, placement=placement, redact=["password", "api_key", "token"])
        executor.register(lambda text: text, name="secret", redact=["*"])
        told = ""
        with executor.run():
            for user in ("bob", "bob", "bob", "bob", "nobody", "nobody"):
                arguments = {
                    "password": "hunter2-of-bob",
                    "options": {"API-Key": "sk-4242", "a": [{"token": "nested-9f8e"}]},
                }
                outcome = executor.try_execute_tool("log_in", {"user": user, **arguments}, idempotency_key=None)
                if outcome.failure is not None:
                    told += outcome.failure.message + outcome.failure.for_model + repr(outcome.failure.error)
                told += str(outcome.notice)
            for _ in range(4):
                told += str(executor.try_execute_tool("secret", {"text": "sk-4242"}).notice)
            executor.try_execute_tool("secret", {"text": "1234"}, idempotency_key="order sk-4242")
            told += repr(executor.stats()) + repr(executor.calls_in_flight())
            directory = shared_engine().journal_directory
            assert directory is not None
            live = _texts(Path(directory))
            assert "repeated-call" in live
        assert eventually(lambda: _texts(kept) != "")
        after = _texts(kept)
    assert after.count("\n") > 10
    for secret in SECRETS:
        assert secret not in told, told
        assert secret not in live
        assert secret not in after
    assert "***" in told
    # Nor can who has the journal try out short values.
    guess = json.dumps(["secret", {"text": "1234"}], separators=(",", ":")).encode()
    digest = urlsafe_b64encode(hashlib.sha256(guess).digest()).decode().rstrip("=")
    assert digest not in live + after
    stored = [entry for entry in map(json.loads, after.splitlines()) if "type" in entry]
    assert not any("stored" in entry for entry in stored)
    # What is the same is still seen to be the same.
    fingerprints = Counter(entry["fingerprint"] for entry in stored if entry["type"] == "admitted")
    assert max(fingerprints.values()) >= 3
