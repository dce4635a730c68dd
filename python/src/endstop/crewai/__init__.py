"""CrewAI's tools through the engine: `install()` for all of them, `guard()` for one."""

from endstop.crewai.install import guard, install, uninstall

__all__ = ["guard", "install", "uninstall"]
