"""`endstop run my_crew.py`: a script with CrewAI's tools guarded, without touching it."""

from __future__ import annotations

import importlib
import os
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path

from endstop.importing import when_imported

USAGE = "usage: endstop run [--report] my_crew.py [arguments] | -m my_package.my_crew[:function] [arguments]"


def main(arguments: Sequence[str]) -> int:
    """Returns 2 for arguments that it does not know, else 0; the script's own exit goes through.

    A module of which `run_crew` in `pyproject.toml` names a function (`crewai create`) is run as by `crewai run`:
    by that function, and from `src`. `-m module:function` does so with any function.

    Limits come from `endstop.toml`; an `install()` in the script takes its place. `--report` prints what the calls came
    to, to standard error, when the script has ended.
    """
    rest = list(arguments)
    wants_report = rest[:1] == ["--report"]
    if wants_report:
        del rest[0]
    as_module = rest[:1] == ["-m"]
    if as_module:
        del rest[0]
    if not rest or rest[0].startswith("-"):
        print(USAGE, file=sys.stderr)
        return 2
    if not as_module and not os.path.isfile(rest[0]):
        print(f"endstop run: there is no file {rest[0]}\n{USAGE}", file=sys.stderr)
        return 2

    from endstop.crewai.install import install_for_script, report

    # Not before the script itself imports it: what it sets for CrewAI in the environment must come first.
    when_imported("crewai", install_for_script)
    sys.argv[:] = rest
    try:
        # As `python my_crew.py` and `python -m …` have it: the script's folder, or where one stands.
        sys.path[0] = os.getcwd() if as_module else os.path.dirname(os.path.abspath(rest[0]))
        if as_module:
            module, function = _entry(rest[0])
            if function:
                return _status(getattr(importlib.import_module(module), function)())
            runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(rest[0], run_name="__main__")
    finally:
        if wants_report:
            found = report() if "crewai" in sys.modules else "the script did not import crewai"
            print(found, file=sys.stderr)
    return 0


def _entry(named: str) -> tuple[str, str]:
    """Module and function; no function: the module itself is run. A project's `src` is put on the path."""
    module, _, function = named.partition(":")
    source = Path("src").absolute()
    if (source / module.partition(".")[0]).is_dir():
        sys.path.insert(1, str(source))
    if not function:
        script = _scripts_of_project().get("run_crew", "")
        function = script.partition(":")[2] if script.partition(":")[0] == module else ""
    return module, function


def _scripts_of_project() -> dict[str, str]:
    file = Path("pyproject.toml")
    if not file.is_file():
        return {}
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    project = tomllib.loads(file.read_text(encoding="utf-8")).get("project", {})
    return {name: str(entry) for name, entry in project.get("scripts", {}).items()}


def _status(returned: object) -> int:
    """As the script that an installer makes of such a function: a number is the exit status."""
    return returned if isinstance(returned, int) else 0
