"""Programs that use Endstop, in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.support.fake_engine import eventually

_PYTHON_FOLDER = str(Path(__file__).parents[2])
PATIENCE_S = 30.0


@dataclass
class Finished:
    exit_code: int
    stdout: str
    stderr: str
    seconds: float


class Program:
    """One program that runs. What it prints goes to files, which can be read while it runs."""

    def __init__(self, folder: Path, source: str, arguments: tuple[object, ...], environment: dict[str, str]) -> None:
        folder.mkdir()
        self.folder = folder
        file = folder / "program.py"
        file.write_text(textwrap.dedent(source))
        self._stdout, self._stderr = folder / "stdout", folder / "stderr"
        path = os.pathsep.join([_PYTHON_FOLDER, os.path.join(_PYTHON_FOLDER, "src")])
        with self._stdout.open("wb") as stdout, self._stderr.open("wb") as stderr:
            self._started = time.monotonic()
            self.process = subprocess.Popen(
                [sys.executable, str(file), *map(str, arguments)],
                stdin=subprocess.PIPE,
                stdout=stdout,
                stderr=stderr,
                env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", **environment},
                cwd=folder,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def stdout(self) -> str:
        return self._stdout.read_text()

    @property
    def stderr(self) -> str:
        return self._stderr.read_text()

    def wait_for(self, text: str) -> str:
        """What it printed, once `text` is in it."""
        self.wait_until(lambda: text in self.stdout, f"printed {text!r}")
        return self.stdout

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        # A busy machine takes half a minute to import CrewAI.
        eventually(lambda: condition() or self.process.poll() is not None, 2 * PATIENCE_S)
        assert condition(), f"it never {what}; exit code {self.process.poll()}\n{self.stdout}\n{self.stderr}"

    def finish(self, patience_s: float = PATIENCE_S) -> Finished:
        code = self.process.wait(patience_s)
        return Finished(code, self.stdout, self.stderr, time.monotonic() - self._started)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()


class Programs:
    """Starts programs, and ends those that still run when the test is over."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[Program] = []

    def start(self, source: str, *arguments: object, **environment: str) -> Program:
        folder = self._folder / f"program-{len(self._started) + 1}"
        program = Program(folder, source, arguments, environment)
        self._started.append(program)
        return program

    def run(self, source: str, *arguments: object, **environment: str) -> Finished:
        """Runs it to its end, which must be a good one: its assertions are the test's."""
        finished = self.start(source, *arguments, **environment).finish()
        assert finished.exit_code == 0, f"exit code {finished.exit_code}\n{finished.stdout}\n{finished.stderr}"
        return finished

    def end(self) -> None:
        for program in self._started:
            program.end()
