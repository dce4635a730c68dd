"""The client: finds and starts the engine, talks to it, and makes calls through it."""
