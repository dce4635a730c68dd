"""`endstop doctor` and `endstop run`."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from endstop.__main__ import main as endstop
from tests.support.crews import plain_crewai_afterwards  # noqa: F401

_PYTHON_FOLDER = Path(__file__).parents[1]

CREW = """
    from crewai import Agent, Crew, Task
    from crewai.tools import BaseTool, tool
    from endstop.demo.scripted import Ask, ScriptedLLM

    seen = []

    @tool("look up")
    def look_up(word: str) -> str:
        \"\"\"Looks a word up.\"\"\"
        seen.append(word)
        return f"found {word} {len(seen)}"

    class Asking(BaseTool):
        name: str = "ask"
        description: str = "Asks a person."
        def _run(self) -> str:
            return input("Well? ")

    script = [Ask("look_up", {"word": "a"}), Ask("look_up", {"word": "b"}), "done"]
    agent = Agent(role="Reader", goal="g", backstory="b", llm=ScriptedLLM.following(script), tools=[look_up, Asking()])
    crew = Crew(agents=[agent], tasks=[Task(description="d", expected_output="e", agent=agent)])

    def make():
        return crew
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "crews.py").write_text(textwrap.dedent(CREW))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "argv", list(sys.argv))
    yield tmp_path
    sys.modules.pop("crews", None)


def test_doctor_tells_of_each_tool_where_it_can_run_on_what_limits_and_what_would_not_be_stopped(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "endstop.toml").write_text(
        '[tools.ask]\nplacement = "worker"\n[tools."look up"]\nread_only = true\nmax_calls = 9\n'
    )
    code = endstop(["doctor", "crews:make"])
    told = capsys.readouterr().out
    look_up, ask = told.split("  look up (agent Reader)\n")[1].split("  ask (agent Reader)\n")
    assert "can run: on the host, in a worker\n" in look_up
    assert "runs: on the host\n" in look_up
    assert "effect: only reads\n" in look_up
    assert "timeout 120.0 (preset standard), max_calls 9 (tool), read_only True (tool)" in look_up
    assert "warning: seen is a list of the host" in look_up
    assert "warning" not in ask
    assert "not in a worker: " in ask
    assert "fault: placement is worker, and it cannot go there" in ask
    assert told.endswith("may go on\n  look up, ask\n")
    assert code == 1
    cgroups = ("cgroup of this process: memory", "cgroups that hold memory quotas: ")
    for line in ("Node v", "fork: ", *cgroups, "crewai 1."):
        assert line in told.split("tools\n")[0]


def test_doctor_says_that_workers_need_proc(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr("endstop.client.interpreter._OWN_THREADS", str(project / "no-proc"))
    (project / "endstop.toml").write_text('[tools.ask]\nplacement = "worker"\n')
    assert endstop(["doctor", "crews:crew"]) == 1
    told = capsys.readouterr().out
    assert "fork: no workers: /proc is not mounted: nothing could find, and end, what" in told
    look_up, ask = told.split("  look up (agent Reader)\n")[1].split("  ask (agent Reader)\n")
    assert "can run: on the host, not in a worker: /proc is not mounted" in look_up
    assert "fault: placement is worker, and it cannot go there" in ask
    assert told.endswith("may go on\n  look up, ask\n")


def test_doctor_says_why_there_can_be_no_engine(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from endstop import EngineError

    def no_node() -> list[str]:
        raise EngineError("node-not-found", "No Node >= 22.18 was found.")

    monkeypatch.setattr("endstop.commands.machine.engine_command", no_node)
    assert endstop(["doctor", "crews:crew"]) == 1
    told = capsys.readouterr().out
    assert "no engine: No Node >= 22.18 was found." in told
    assert told.endswith("may go on\n  look up, ask\n")


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("target", "problem"),
    [("crews", "it must have the form my_module:crew"), ("nowhere:crew", "No module named"), ("crews:cru", "cru")],
)
def test_doctor_says_what_it_cannot_find(target: str, problem: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert endstop(["doctor", target]) == 2
    assert problem in capsys.readouterr().err


def test_run_guards_the_tools_of_a_script_that_knows_nothing_of_it(project: Path) -> None:
    (project / "endstop.toml").write_text('[tools."look up"]\nmax_calls = 1\n')
    (project / "tmp").mkdir()
    (project / "main.py").write_text(
        "import sys\nassert 'crewai' not in sys.modules\nimport crews\nif __name__ == '__main__':\n"
        "    print(crews.crew.kickoff().raw, len(crews.seen), sys.argv[1:])\n    sys.exit(3)\n"
    )
    path = os.pathsep.join([str(_PYTHON_FOLDER), str(_PYTHON_FOLDER / "src")])
    ran = subprocess.run(
        [sys.executable, "-m", "endstop", "run", "--report", "main.py", "--fast", "x"],
        # CrewAI leaves a lock file in the system's folder for temporary files.
        env={**os.environ, "PYTHONPATH": path, "TMPDIR": str(project / "tmp")},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ran.stdout.splitlines()[-1] == "done 1 ['--fast', 'x']"
    assert "2 calls, 1 bodies: succeeded 1, usage-limit 1" in ran.stderr
    assert ran.returncode == 3
    assert list((project / "tmp").glob("endstop-*")) == []


def test_the_install_of_a_script_takes_the_place_of_runs_own(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "main.py").write_text(
        "import endstop.crewai, crews\nendstop.crewai.install(tools={'look up': {'max_calls': 1}})\n"
        "crews.crew.kickoff()\nprint(len(crews.seen))\n"
    )
    assert endstop(["run", "main.py"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "1"


@pytest.mark.usefixtures("project")
def test_run_refuses_a_file_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert endstop(["run", "nowhere.py"]) == 2
    assert capsys.readouterr().err.startswith("endstop run: there is no file nowhere.py\nusage: endstop run")


def test_what_is_no_command_is_refused_with_the_commands_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert [endstop(["fly"]), endstop([])] == [2, 2]
    assert "doctor [my_module:crew]" in capsys.readouterr().err


GENERATED = """
[project.scripts]
my_project = "my_project.main:run"
run_crew = "my_project.main:run"
train = "my_project.main:train"
"""


@pytest.mark.parametrize("name", ["my_project.main", "my_project.main:run"])
def test_run_of_a_project_of_crewai_create_calls_its_function_once(
    name: str, project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = project / "src" / "my_project"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "main.py").write_text(
        "import crews\ndef run():\n    print('kickoff', crews.crew.kickoff().raw)\n"
        "if __name__ == '__main__':\n    run()\n"
    )
    (project / "pyproject.toml").write_text(GENERATED)
    (project / "endstop.toml").write_text('[tools."look up"]\nmax_calls = 1\n')
    for module in ("my_project", "my_project.main"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    assert endstop(["run", "--report", "-m", name]) == 0
    told = capsys.readouterr()
    assert told.out.count("kickoff done") == 1
    assert "2 calls, 1 bodies" in told.err
