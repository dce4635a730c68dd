"""One submission of a call: what is sent, and what comes back before a body runs here."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from endstop import frames, values
from endstop.client.connection import ChannelLost, Connection
from endstop.client.context import current_call
from endstop.client.debugging import debugging
from endstop.client.local_outcomes import CallFacts
from endstop.client.movable import Movable
from endstop.client.reporting import Home
from endstop.client.silence import cancel
from endstop.client.slot import Slot
from endstop.client.ticket import Ticket
from endstop.client.unset import UNSET, Unset
from endstop.client.worker_results import worker_outcome
from endstop.client.worker_start import outcome_from_worker, start_frames
from endstop.errors import EngineError
from endstop.host.cancelling import Cancellation
from endstop.host.stuck import stuck_count
from endstop.outcome import Outcome, Placement

_MAX_LOSSES = 3
_UNSENT = Slot(0)
# Fields of a request, and their names in the protocol.
_TEXTS = (
    ("run", "run"),
    ("agent", "agent"),
    ("task", "task"),
    ("agent_name", "agentName"),
    ("turn", "turn"),
    ("request_id", "requestId"),
    ("idempotency_key", "idempotencyKey"),
    ("subject", "subject"),
    ("failed_dependency", "failedDependency"),
)


@dataclass(slots=True)
class CallRequest:
    """A call to be decided on.

    `input` is any Python value; what has no encoding is sent without, and then never compared. `parent` is taken from
    the context if None. `timeout_ms` overrides the tool's policy, None is no deadline; by `within_ms` the caller ends
    itself. With `load`, a call whose placement is worker starts at once, with `args` and `kwargs`.
    """

    tool: str
    input: Any = None
    run: str | None = None
    parent: str | None = None
    agent: str | None = None
    task: str | None = None
    agent_name: str | None = None
    """The name by which the engine's options know the agent; its `agent` if None."""
    turn: str | None = None
    """Names one answer of the model: rejections of one turn count once towards the end of the run."""
    request_id: str | None = None
    """The framework's own id: the same again in the run, with the same input, is its repetition, not the model's."""
    idempotency_key: str | None = None
    """The application's word that calls with this key are one: in their run, or if they have none, in the session."""
    subject: str | None = None
    """Whom a delegating tool delegates to."""
    failed_dependency: str | None = None
    """The call of its batch that it comes after and that did not succeed: the engine rejects it."""
    by_code: bool = False
    """Code asks by itself, not a model: its repetitions are its own business."""
    timeout_ms: float | Unset | None = UNSET
    within_ms: float | None = None
    load: Movable | None = None
    args: tuple[Any, ...] | None = None
    kwargs: dict[str, Any] | None = None
    cancellation: Cancellation = field(default_factory=Cancellation)
    """Ends the call."""
    at_once: bool = False
    """On the host its body follows its admission at once: the engine ends it if the host goes silent."""
    debug: bool | None = None
    """Whether somebody steps through the body; None looks."""


class Submission:
    """Sent again, on another connection, while the engine is lost before any body can have run."""

    def __init__(self, session: str, request: CallRequest, call_id: int, limits: Mapping[str, Any]) -> None:
        """`limits` are those of the tool that are known here."""
        self.id = call_id
        """The same on every connection: an engine that is told again knows that it is the same call."""
        self.slot = _UNSENT
        self.problem: dict[str, Any] | None = None
        """The ending of a call whose arguments cannot be sent to a worker."""
        self.run = request.run
        self._session = session
        self._request = request
        self._header = _header(session, request, call_id)
        placement: Placement = "host" if request.load is None else "worker"
        told = self._header.get("input", request.input)
        self._facts = CallFacts(f"{session}-{call_id}", request.tool, placement, limits, told)
        if "input" not in self._header and (secrets := self._facts.secrets):
            self._header["secrets"] = secrets
        self.cancellation = request.cancellation
        self.call_id: str | None = None
        """What the engine calls it, as far as it has said so."""
        self._connection: Connection | None = None
        self._body_sent = False
        self._losses: list[str] = []

    @property
    def in_worker(self) -> bool:
        """Whether the engine starts it, or has started it, without asking back."""
        admitted = self.slot.admitted
        return self._body_sent and (admitted is None or admitted["placement"] == "worker")

    @property
    def parent(self) -> str | None:
        """The call whose body makes this one."""
        return self._header.get("parent")

    @property
    def may_have_begun(self) -> bool:
        """Whether an engine has answered it, or was sent its body."""
        slot = self.slot
        return self._body_sent or self.call_id is not None or slot.admitted is not None or slot.outcome is not None

    @property
    def is_unbegun(self) -> bool:
        """Whether its body is to begin here and has not."""
        return self._connection is not None and self.id in self._connection.unbegun

    def send(self, connection: Connection) -> None:
        """Raises ChannelLost; then nothing of it can have run."""
        self._connection = connection
        try:
            data = self._frames(connection)
        except frames.FrameTooLarge:
            # An input this large is sent without, as one that has no encoding.
            if self._header.pop("input", None) is None:
                raise
            self._header["secrets"] = self._facts.secrets
            data = self._frames(connection)
        self.slot = connection.open_slot(self.id)
        connection.send(data)
        self.cancellation.on_request(self.withdraw)
        if self._request.load is not None and self._body_sent:
            connection.loaded.add(self._request.load.key)

    def _frames(self, connection: Connection) -> bytes:
        header, request = self._header, self._request
        if request.load is not None:
            data, self.problem = start_frames(
                connection, header, request.load, request.args or (), request.kwargs or {}
            )
            self._body_sent = self.problem is None
            if self._body_sent:
                return data
        return frames.encode(header, max_header_bytes=connection.max_header_bytes)

    def answer(self, home: Home) -> Ticket | Outcome:
        """What the engine said. Raises EngineError if it refused.

        Raises ChannelLost if it was lost before it decided, and no body can have run.
        """
        slot, connection = self.slot, self._connection
        if slot.outcome is not None:
            return worker_outcome(slot, self._facts)
        if self._body_sent and self.in_worker:
            return outcome_from_worker(slot, self._facts)
        if slot.refused is not None:
            slot.check()
        if slot.admitted is None or connection is None:
            raise ChannelLost(slot.lost)
        self.call_id = slot.admitted["callId"]
        if not self._request.at_once and slot.admitted["placement"] == "host":
            connection.unbegun[self.id] = time.monotonic()
        owner = (self._session, self._request.run)
        return Ticket(connection, slot, slot.admitted, self._facts, owner, home=home, submission=self)

    def note_loss(self, problem: ChannelLost) -> None:
        """The channel was lost before a decision: the call may be sent again. Raises EngineError at the third loss."""
        self._losses.append(str(problem))
        if len(self._losses) >= _MAX_LOSSES:
            lines = [f"The engine was lost {_MAX_LOSSES} times before it decided on {self._request.tool}:"]
            raise EngineError("engine-lost", "\n  ".join([*lines, *self._losses])) from None

    def withdraw(self) -> None:
        """Asks the engine to end it, unless its body is ours to end; the outcome is waited for."""
        if self._connection is not None:
            with suppress(ChannelLost):
                self._connection.send(frames.encode({"type": "withdraw", "id": self.id}))

    def cancel(self) -> None:
        """Tells the engine that nobody waits any more."""
        if self._connection is not None:
            self._connection.drop_slot(self.slot)
            with suppress(ChannelLost):
                self._connection.send(cancel(self.slot.id))


def _header(session: str, request: CallRequest, call_id: int) -> dict[str, Any]:
    header: dict[str, Any] = {"type": "call", "id": call_id, "engine": session, "tool": request.tool}
    try:
        if not values.is_large(request.input):
            header["input"] = values.encode(request.input)
    except values.Unencodable:
        pass
    parent = request.parent if request.parent is not None else current_call.get()
    if parent is not None:
        header["parent"] = values.clean(parent)
    for attribute, name in _TEXTS:
        text = getattr(request, attribute)
        if text is not None:
            header[name] = values.clean(text)
    if request.at_once:
        header["atOnce"] = True
    if request.by_code:
        header["byCode"] = True
    if request.timeout_ms is not UNSET:
        header["timeoutMs"] = request.timeout_ms
    if request.within_ms is not None:
        header["withinMs"] = request.within_ms
    if (stuck := stuck_count(session, request.tool)) > 0:
        header["stuckBodies"] = stuck
    if request.debug if request.debug is not None else debugging():
        header["debug"] = True
    return header
