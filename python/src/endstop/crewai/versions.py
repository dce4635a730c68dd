"""Which CrewAI this is written for, and which one is here."""

from __future__ import annotations

from importlib import metadata

OLDEST_VERSION = "1.15.29"
NEWEST_TESTED_VERSION = "1.15.30"


def installed_version() -> str | None:
    """The version of the CrewAI that is installed, or None."""
    try:
        return metadata.version("crewai")
    except metadata.PackageNotFoundError:
        return None


def is_newer_than_tested(version: str) -> bool:
    """Whether a CrewAI came after the newest tested one, so that something may have moved."""
    return _numbers(version) > _numbers(NEWEST_TESTED_VERSION)


def _numbers(version: str) -> tuple[int, ...]:
    parts = version.split(".")
    return tuple(int(part) for part in parts if part.isdigit())
