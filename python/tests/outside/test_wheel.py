"""The wheel in a fresh environment, without the checkout: its engine is in it, and a crew runs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv.exe" if os.name == "nt" else "uv")

PROGRAM = """
import sys, warnings
warnings.simplefilter("error", RuntimeWarning)
import endstop, endstop.crewai
from crewai import Agent, Crew, Task
from crewai.tools import tool
from endstop.demo.scripted import Ask, ScriptedLLM

@tool("look up")
def look_up(word: str) -> str:
    "Looks a word up."
    return f"found {word}"

if __name__ == "__main__":
    for module in (endstop, sys.modules["crewai"]):
        assert module.__file__.startswith(sys.prefix), module.__file__
    endstop.crewai.install(tools={"look up": {"max_calls": 2, "placement": "worker", "timeout": "30s"}})
    script = [Ask("look_up", {"word": word}) for word in "abc"]
    agent = Agent(role="r", goal="g", backstory="b", llm=ScriptedLLM.following([*script, "done"]), tools=[look_up])
    crew = Crew(agents=[agent], tasks=[Task(description="d", expected_output="e", agent=agent)])
    print(crew.kickoff().raw, endstop.crewai.report().outcomes)
"""


def present_pythons() -> list[str]:
    """Those of 3.10 to 3.13 that this machine has; the one that runs the tests is always there."""
    versions = [f"3.{minor}" for minor in range(10, 14)]
    here = f"3.{sys.version_info.minor}"
    find = [str(UV), "python", "find", "--system", "--no-python-downloads"]
    return [
        version
        for version in versions
        if version == here or subprocess.run([*find, version], capture_output=True, check=False).returncode == 0
    ]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [str(UV), "build", "--wheel", "--no-build-isolation", "--no-create-gitignore", "--quiet"]
    subprocess.run([*build, "--python", sys.executable, "--out-dir", str(folder), str(PACKAGE)], check=True)
    (made,) = folder.iterdir()
    assert made.name.endswith("-py3-none-any.whl")
    return made


def test_the_wheel_carries_the_notice_of_each_library_in_its_engine(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        notices = archive.read("endstop/_engine/THIRD_PARTY_NOTICES.txt").decode()
        bill = json.loads(archive.read("endstop/_engine/engine.cdx.json"))
    libraries = {part["name"] for part in bill["components"]}
    assert libraries >= {"lru-cache", "xstate"}
    for name in libraries:
        notice = re.search(rf"^Name: {re.escape(name)}\n(.*?)(?=^---$|\Z)", notices, re.MULTILINE | re.DOTALL)
        assert notice, name
        assert len(notice[1].partition("License Text:")[2]) > 500, name


@pytest.mark.parametrize("version", present_pythons())
@pytest.mark.timeout(300)
def test_the_wheel_alone_runs_a_crew_in_a_fresh_environment(version: str, wheel: Path, tmp_path: Path) -> None:
    environment, home = tmp_path / "fresh", tmp_path / "home"
    home.mkdir()
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    subprocess.run([str(UV), "venv", "--quiet", "--python", version, str(environment)], check=True)
    # The versions that the checkout is tested with, from uv's cache where they are there.
    pins = ["--constraint", str(PACKAGE / "requirements-dev.txt")]
    packages = [*pins, f"{wheel}[crewai]"]
    subprocess.run([str(UV), "pip", "install", "--quiet", "--python", str(python), *packages], check=True)
    (tmp_path / "program.py").write_text(PROGRAM)
    settings = {"CREWAI_TESTING": "true", "CREWAI_DISABLE_TELEMETRY": "true", "OTEL_SDK_DISABLED": "true"}
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    ran = subprocess.run(
        [str(python), "program.py"],
        cwd=tmp_path,
        env={**plain, **settings, "HOME": str(home), "TMPDIR": str(home)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    shutil.rmtree(environment)
    assert ran.stdout.splitlines()[-1:] == ["done {'succeeded': 2, 'usage-limit': 1}"], ran.stderr
    assert list(home.glob("endstop-*")) == []
