"""CrewAI's tools through the engine: `install()` for all of them, `guard()` for one."""

from endstop.crewai import declared
from endstop.crewai.figures import Report
from endstop.crewai.install import describe, guard, install, report, uninstall

__all__ = ["Report", "describe", "guard", "install", "report", "uninstall"]

declared.place()
