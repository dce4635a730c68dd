"""Engines whose time of day is not the host's: somebody has set the clock of the machine between two of them."""

from __future__ import annotations

from urllib.parse import quote

from endstop.client.process import engine_command

_STEPPED = """
const shiftMs = %d;
const now = Date.now;
Date.now = () => now() + shiftMs;
globalThis.Date = new Proxy(Date, {
  construct: (target, given) => (given.length > 0 ? new target(...given) : new target(now() + shiftMs)),
});
Object.defineProperty(performance, "timeOrigin", { value: performance.timeOrigin + shiftMs });
"""


class SteppedClock:
    """The command that starts an engine, with the time of day that is set as it starts."""

    def __init__(self) -> None:
        self.shift_s = 0.0

    def command(self) -> list[str]:
        node, *rest = engine_command()
        return [node, "--import", f"data:text/javascript,{quote(_STEPPED % (self.shift_s * 1_000))}", *rest]
