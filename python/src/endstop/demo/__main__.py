"""`python -m endstop demo`: the same crews on plain CrewAI and with Endstop, measured side by side."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from endstop._version import __version__
from endstop.demo.judging import Row, reasons
from endstop.demo.measured import Side
from endstop.demo.progress import Progress
from endstop.demo.table import shortened, table

USAGE = "usage: python -m endstop demo [case ...]"

CREWAI_SETTINGS = {
    "CREWAI_DISABLE_TELEMETRY": "true",
    "CREWAI_DISABLE_VERSION_CHECK": "true",
    "CREWAI_TESTING": "true",  # it asks no questions and leaves no record of the run
    "CREWAI_TRACING_ENABLED": "false",
    "OTEL_SDK_DISABLED": "true",
}

LEGEND = """\
bodies: how often the tool's own code was run. model: how often the model was asked. native, ReAct:
the model asks for tools by function calls, or in its text. The agent of the tool that reads a socket
has max_execution_time=2, those of `while True` and the C code 3. A hang: no outcome after three
times that."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status: 0 if all is as it should be, 1 if not, 2 if the demo cannot run, 130 after Ctrl-C."""
    names = sys.argv[1:] if arguments is None else list(arguments)
    if any(importlib.util.find_spec(package) is None for package in ("crewai", "crewai_tools")):
        print('The demo needs CrewAI and its tools: pip install "endstop[crewai]"', file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="endstop-demo-") as folder:
        os.environ.update(CREWAI_SETTINGS, CREWAI_STORAGE_DIR=folder)
        try:
            return _run(names, Path(folder))
        except KeyboardInterrupt:
            return 130


def _run(names: Sequence[str], folder: Path) -> int:
    started_at = time.monotonic()
    crewai_version = importlib.metadata.version("crewai")
    progress = Progress()
    progress.line(f"Real crews of CrewAI {crewai_version} with a scripted model: first plain, then with Endstop.")
    progress.now("importing CrewAI …")

    from endstop.demo.cases import CASES, POLICIES
    from endstop.demo.processes import CaseProcess, measure

    cases = [case for case in CASES if not names or case.name in names]
    unknown = set(names) - {case.name for case in CASES}
    if unknown:
        known = ", ".join(case.name for case in CASES)
        print(f"{USAGE}\nno such case: {', '.join(sorted(unknown))}; there are: {known}", file=sys.stderr)
        return 2

    sides: tuple[Side, ...] = ("plain", "endstop")
    jobs = [(case, side) for side in sides for case in cases]
    results = measure(jobs, lambda case, side: CaseProcess(case, side, folder), progress)
    rows = [Row(case, results[case.name, "plain"], results[case.name, "endstop"]) for case in cases]
    progress.line(f"\n{table(rows, crewai_version, __version__)}\n\n{LEGEND}\n\n{_installed_with(POLICIES)}\n")
    failures = [f"{row.case.full_title}: {why}" for row in rows for why in reasons(row)]
    return _verdict(failures, time.monotonic() - started_at)


def _installed_with(policies: Mapping[str, Mapping[str, object]]) -> str:
    lines = "".join(f'      "{tool}": {policy},\n' for tool, policy in policies.items()).replace("'", '"')
    return f"Endstop was installed with one call:\n\n  endstop.crewai.install(tools={{\n{lines}  }})"


def _verdict(failures: Sequence[str], seconds: float) -> int:
    for failure in failures:
        print(f"Failed: {shortened(failure, 500)}")
    if not failures:
        print("Every good tool answered the same on both sides; every bad one was stopped in time.")
    print(f"({seconds:.0f} s)")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
