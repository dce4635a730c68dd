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

from endstop import ToolExecutor, values
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
    assert values.digest("1234") not in live + after
    stored = [entry for entry in map(json.loads, after.splitlines()) if "type" in entry]
    assert not any("stored" in entry for entry in stored)
    # What is the same is still seen to be the same.
    fingerprints = Counter(entry["fingerprint"] for entry in stored if entry["type"] == "admitted")
    assert max(fingerprints.values()) >= 3


class Unreadable:
    def __init__(self, text: str) -> None:
        self.text = text

    def __reduce__(self) -> tuple[Any, ...]:
        return _refuse, (self.text,)


def _refuse(text: str) -> None:
    raise ValueError(f"cannot be made from {text}")


def unreadable(password: str) -> Unreadable:
    return Unreadable(password)


def test_what_cannot_be_rebuilt_here_is_told_without_secrets(executor: ToolExecutor) -> None:
    executor.register(unreadable, placement="worker")
    failure = executor.try_execute_tool("unreadable", {"password": "hunter2-of-bob"}).failure
    body_threads.release(("endstop",))
    assert failure is not None
    assert (failure.code, "cannot be made from ***" in failure.message) == ("cannot-move", True)
    assert "hunter2" not in repr(failure)


@pytest.mark.parametrize("rest", ["x" * 2_000_000, object(), [{"a": 1}] * 300_000], ids=["large", "odd", "many"])
def test_secrets_of_an_input_that_is_not_sent_are_hidden_too(executor: ToolExecutor, rest: Any) -> None:
    def refuse(password: str, rest: Any) -> None:
        raise ValueError(f"no door for {password}")

    executor.register(refuse)
    failure = executor.try_execute_tool("refuse", {"rest": rest, "password": "hunter2-of-bob"}).failure
    assert failure is not None
    assert "no door for ***" in failure.message
    assert "hunter2" not in repr(failure)


def test_a_body_that_outlived_its_engine_has_no_secret_in_its_texts(kept: Path) -> None:
    def refuse(password: str) -> None:
        connection = shared_engine().live_connection
        assert connection is not None
        connection.process.kill()
        raise ValueError(f"no door for {password}")

    with ToolExecutor() as executor:
        executor.register(refuse)
        with executor.run():
            failure = executor.try_execute_tool("refuse", {"password": "hunter2-of-bob"}).failure
        assert failure is not None
        assert (failure.code, "no door for ***" in failure.message) == ("tool-error", True)
        assert eventually(lambda: _texts(kept) != "")
    assert "hunter2" not in repr(failure) + _texts(kept)
