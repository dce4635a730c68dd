"""`python -m endstop` and the script `endstop`: the demo, the doctor, and scripts with their tools guarded."""

from __future__ import annotations

import sys

from endstop._version import __version__

_USAGE = """\
usage: endstop [--version] command

  demo [case ...]                  the same crews on plain CrewAI and with Endstop, measured side by side
  doctor [my_module:crew]          this machine, and where each tool of a crew can run and on what limits
  run [--report] my_crew.py [...]  a script with CrewAI's tools guarded, without touching it"""


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit status: that of the command, 0, or 2 for arguments that it does not know."""
    given = sys.argv[1:] if arguments is None else arguments
    command, rest = (given[0], given[1:]) if given else ("", [])
    if given == ["--version"]:
        print(f"endstop {__version__}")
        return 0
    if command == "demo":
        from endstop.demo.__main__ import main as run_demo

        return run_demo(rest)
    if command == "doctor":
        from endstop.commands.doctor import main as examine

        return examine(rest)
    if command == "run":
        from endstop.commands.run import main as run_script

        return run_script(rest)
    if given in (["-h"], ["--help"]):
        print(_USAGE)
        return 0
    print(_USAGE, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
