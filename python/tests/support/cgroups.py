"""What the kernel says of the control groups that engines make; nothing where there are none."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

_ROOTS = (("memory", Path("/sys/fs/cgroup/memory")), ("", Path("/sys/fs/cgroup")))


def own_folder(pid: int | str = "self") -> Path | None:
    """The folder of a process's group in the hierarchy that has the memory controller."""
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    except OSError:
        return None
    paths = {controllers: path for _, controllers, path in (line.split(":", 2) for line in lines)}
    for controllers, root in _ROOTS:
        if controllers in paths and root.is_dir():
            return root / paths[controllers].lstrip("/")
    return None


def can_be_made() -> bool:
    """Whether this user may make groups here that have a limit for memory."""
    folder = own_folder()
    if folder is None:
        return False
    probe = folder / f"endstop-{os.getpid()}-probe"
    try:
        if (shares := folder / "cgroup.subtree_control").exists() and "memory" not in shares.read_text():
            shares.write_text("+memory")
        probe.mkdir()
        return limit_file(probe).exists()
    except OSError:
        return False
    finally:
        with suppress(OSError):
            probe.rmdir()


def limit_file(folder: Path) -> Path:
    version_2 = folder / "memory.max"
    return version_2 if version_2.exists() else folder / "memory.limit_in_bytes"


def limit_bytes(pid: int) -> int | None:
    """What the kernel holds a process to that an engine has put into a group; None if there is no such limit."""
    folder = own_folder(pid)
    if folder is None or not re.fullmatch(r"endstop-\d+-\w+", folder.parent.name):
        return None
    try:
        limit = limit_file(folder).read_text().strip()
    except OSError:
        return None
    return int(limit) if limit.isdigit() and int(limit) < 2**62 else None


def abandoned() -> list[str]:
    """Folders of engines that no longer run."""
    folder = own_folder()
    if folder is None or not folder.is_dir():
        return []
    found = (re.fullmatch(r"endstop-(\d+)-\w+", name) for name in os.listdir(folder))
    return [str(folder / match[0]) for match in found if match and not _runs(match[1])]


def _runs(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
