"""`dev crewai-suite`: CrewAI's own tests, plain and with the drop-in installed."""

from tools.crewai_suite.command import compare_everything, compare_stable_part
from tools.crewai_suite.surroundings import NEWEST, OLDEST, REQUIREMENTS_BY_VERSION

VERSIONS = tuple(REQUIREMENTS_BY_VERSION)

__all__ = ["NEWEST", "OLDEST", "VERSIONS", "compare_everything", "compare_stable_part"]
