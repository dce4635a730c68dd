"""The parts of the root script `dev`. Standard library only: they run before anything is installed."""
