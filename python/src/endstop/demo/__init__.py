"""The demo: one crew of real CrewAI, plain and with Endstop."""
