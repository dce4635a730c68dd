"""Running commands, and skipping the steps whose inputs did not change."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache"


Command = Sequence["str | Path"]


class StepFailed(Exception):
    """A step of `dev` failed. Its own output is already shown; `hint` is the one line that says what to do."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(f"{what} failed. {hint}")


def say(text: str) -> None:
    print(f"dev: {text}", flush=True)


def exit_code_of(command: Command, *, cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> int:
    """Runs a command on our own streams and gives its exit code (negative: the signal that ended it)."""
    return subprocess.run([str(part) for part in command], cwd=cwd, env=env, check=False).returncode


def run(
    what: str,
    command: Command,
    *,
    hint: str,
    cwd: Path = ROOT,
    env: Mapping[str, str] | None = None,
    quiet: bool = False,
) -> None:
    """Runs one step. Its output goes to our streams; of a `quiet` step it is shown only if the step fails."""
    say(what)
    completed = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=env,
        check=False,
        stdout=subprocess.PIPE if quiet else None,
        stderr=subprocess.STDOUT if quiet else None,
    )
    if completed.returncode != 0:
        if quiet:
            sys.stdout.buffer.write(completed.stdout)
            sys.stdout.flush()
        raise StepFailed(what, hint)


def files_under(*places: Path) -> Iterator[Path]:
    """Every file at or below these places, in a stable order, without what builds and tools leave behind."""
    for place in places:
        if place.is_file():
            yield place
            continue
        for folder, folders, names in os.walk(place):
            folders[:] = sorted(name for name in folders if name not in {"node_modules", "dist", "__pycache__"})
            yield from (Path(folder, name) for name in sorted(names))


def digest_of(files: Iterable[Path], extra: str = "") -> str:
    digest = hashlib.sha256(extra.encode())
    for file in files:
        digest.update(f"\0{file.relative_to(ROOT).as_posix()}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def if_changed(
    stamp: Path, inputs: Iterable[Path], step: Callable[[], None], *, produces: Iterable[Path] = (), extra: str = ""
) -> None:
    """Runs `step` unless it ended well for these same inputs and what it produces is still there."""
    digest = digest_of(inputs, extra)
    if stamp.is_file() and stamp.read_text() == digest and all(path.exists() for path in produces):
        return
    stamp.unlink(missing_ok=True)
    step()
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(digest)


@contextlib.contextmanager
def one_at_a_time(name: str, *, folder: Path = CACHE) -> Iterator[None]:
    """Two runs of `dev` with this folder (the checkout's own) take turns here, where the system has file locks."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / f"{name}.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another `dev`")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
