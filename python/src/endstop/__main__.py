"""`python -m endstop demo` runs the demo; `python -m endstop --version` prints the version."""

from __future__ import annotations

import sys

from endstop._version import __version__

_USAGE = "usage: endstop [--version] demo [options]"


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit status: that of the demo, 0, or 2 for arguments that it does not know."""
    given = sys.argv[1:] if arguments is None else arguments
    if given == ["--version"]:
        print(f"endstop {__version__}")
        return 0
    if given and given[0] == "demo":
        from endstop.demo.__main__ import main as run_demo

        return run_demo(given[1:])
    if given in (["-h"], ["--help"]):
        print(_USAGE)
        return 0
    print(_USAGE, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
