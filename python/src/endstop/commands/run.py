"""`endstop run my_crew.py`: a script with CrewAI's tools guarded, without touching it."""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Sequence

from endstop.importing import when_imported

USAGE = "usage: endstop run [--report] my_crew.py [arguments] | -m my_package.my_crew [arguments]"


def main(arguments: Sequence[str]) -> int:
    """Returns 2 for arguments that it does not know, else 0; the script's own exit goes through.

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
            runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(rest[0], run_name="__main__")
    finally:
        if wants_report:
            found = report() if "crewai" in sys.modules else "the script did not import crewai"
            print(found, file=sys.stderr)
    return 0
