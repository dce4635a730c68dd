"""Where a worker keeps its own descriptors."""

LOWEST_DESCRIPTOR = 100
"""Out of the way of tools that close or replace the first descriptors."""
