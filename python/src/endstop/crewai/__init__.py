"""CrewAI's tools through the engine: `install()` for all of them, `guard()` for one."""

from endstop.crewai.install import describe, guard, install, uninstall

__all__ = ["describe", "guard", "install", "uninstall"]
