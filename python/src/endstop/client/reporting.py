"""How the ending of an admitted call reaches the engine, or the next one, and what outcome comes of it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any, Protocol

from endstop import frames
from endstop.client.connection import ChannelLost, Connection
from endstop.client.endings import outcome_without_engine
from endstop.client.keeping import pickle_if_lossless
from endstop.client.local_outcomes import CallFacts, success_as_told
from endstop.client.silence import cancel
from endstop.client.slot import Slot
from endstop.client.unconfirmed import told_again
from endstop.errors import EngineError
from endstop.host.cancelling import Cancellation
from endstop.outcome import Outcome, outcome_from_header


class Home(Protocol):
    """The session that a ticket belongs to: it gives another connection when the engine is lost meanwhile."""

    def connection(self) -> Connection: ...

    async def connection_async(self) -> Connection: ...

    def forget_call(self, call: Any) -> None: ...

    def cancel_below(self, call_id: str) -> None: ...

    def keyed(self, digest: str) -> str: ...

    def tell_ending(self, connection: Connection, frame: dict[str, Any], kept: bytes, facts: CallFacts) -> None: ...


class Reporting:
    """Of one call. If the engine is lost meanwhile, the ending is told to the next one, which knows the call."""

    def __init__(
        self,
        connection: Connection,
        slot: Slot,
        admitted: Mapping[str, Any],
        facts: CallFacts,
        *,
        home: Home,
        submission: Any,
    ) -> None:
        self.connection = connection
        self.slot = slot
        self._facts = facts
        self._home = home
        self._submission = submission
        self._cancellation: Cancellation = submission.cancellation
        self._keep_bytes: int | None = admitted.get("keepBytes")
        """Up to which size the engine takes the result, to answer other calls with it."""
        self._settled_after_ms: float | None = None
        """If it was settled here, by what the engine had said with its admission."""
        self._moved = False
        """Whether the ending was told to another engine, which refuses it if it does not know the call."""
        self._hear(admitted)

    def _hear(self, admitted: Mapping[str, Any]) -> None:
        """What holds for the attempt that is admitted now."""
        self.timeout_ms: float | None = admitted["timeoutMs"]
        self._attempt: int = admitted["attempt"]
        self._if_returned: dict[str, Any] | None = admitted.get("ifReturned")

    def _report(self, ending: dict[str, Any], *, kept: bytes = b"", again: bool = False) -> None:
        self.slot.admitted = None  # the next thing to be heard is the outcome, or that another attempt is admitted
        frame = {"type": "ended", "id": self.slot.id, "attempt": self._attempt, "ending": ending}
        self.connection.send(frames.encode(told_again(frame, self._facts) if again else frame, kept))

    def _kept(self, ending: dict[str, Any], value: Any) -> bytes:
        if self._keep_bytes is None or ending["type"] != "returned":
            return b""
        return pickle_if_lossless(value, self._keep_bytes)

    def is_over(self) -> bool:
        """Asks the engine whether the call has its outcome, before its body begins late."""
        self.slot.admitted = None
        try:
            with contextlib.suppress(ChannelLost):
                self._begin()
                self.connection.wait(self.slot, settled=False)
            if self._is_lost:
                with contextlib.suppress(ChannelLost, EngineError, RuntimeError):
                    self._move(self._home.connection())
                    self._begin()
                    self.connection.wait(self.slot, settled=False)
        except BaseException:
            self.cancel()
            raise
        return self._was_ended()

    async def is_over_async(self) -> bool:
        self.slot.admitted = None
        try:
            with contextlib.suppress(ChannelLost):
                self._begin()
                await self.connection.wait_async(self.slot, settled=False)
            if self._is_lost:
                with contextlib.suppress(ChannelLost, EngineError, RuntimeError):
                    self._move(await self._home.connection_async())
                    self._begin()
                    await self.connection.wait_async(self.slot, settled=False)
        except BaseException:
            self.cancel()
            raise
        return self._was_ended()

    def _begin(self) -> None:
        self.connection.send(frames.encode({"type": "begins", "id": self.slot.id}))

    def _was_ended(self) -> bool:
        if self.slot.outcome is not None or self.slot.refused is not None:
            return True
        if self.slot.admitted is not None:
            self._hear(self.slot.admitted)
        return False

    def report_and_leave(self, ending: dict[str, Any]) -> None:
        """Nobody waits for an outcome."""
        self._home.forget_call(self._submission)
        self.connection.drop_slot(self.slot)
        with contextlib.suppress(ChannelLost):
            self._report(ending)

    def _settle_at_once(self, ending: dict[str, Any], kept: bytes) -> bool:
        """By what the engine said with its admission, if that holds: it hears of the ending, nobody waits for it."""
        known = self._if_returned
        if known is None or ending["type"] != "returned":
            return False
        familiar, digest = known["unless"], ending["digest"]
        if familiar and digest is not None and self._home.keyed(digest) in familiar:
            return False
        if self.slot.settled:
            return False
        frame = {"type": "ended", "id": self.slot.id, "attempt": self._attempt, "ending": ending, "quiet": True}
        try:
            self._home.tell_ending(self.connection, frame, kept, self._facts)
        except ChannelLost:
            return False
        self.connection.drop_slot(self.slot)
        self._settled_after_ms = self._facts.elapsed_ms
        return True

    def report_and_wait(self, ending: dict[str, Any], value: Any) -> None:
        """Until the engine has said the outcome, or to try again."""
        kept = self._kept(ending, value)
        if ending["type"] == "raised":
            # While the next attempt is waited for, a cancel is the engine's to carry out.
            self._cancellation.on_request(self._submission.withdraw)
        try:
            if self._settle_at_once(ending, kept):
                return
            with contextlib.suppress(ChannelLost):
                self._report(ending, kept=kept)
                self.connection.wait(self.slot, settled=False)
            with contextlib.suppress(EngineError, RuntimeError):  # until no engine can be had
                while self._is_lost:
                    with contextlib.suppress(ChannelLost):
                        self._move(self._home.connection())
                        self._report(ending, kept=kept, again=True)
                        self.connection.wait(self.slot, settled=False)
        except BaseException:
            self.cancel()
            raise

    async def report_and_wait_async(self, ending: dict[str, Any], value: Any) -> None:
        kept = self._kept(ending, value)
        if ending["type"] == "raised":
            # While the next attempt is waited for, a cancel is the engine's to carry out.
            self._cancellation.on_request(self._submission.withdraw)
        try:
            if self._settle_at_once(ending, kept):
                return
            with contextlib.suppress(ChannelLost):
                self._report(ending, kept=kept)
                await self.connection.wait_async(self.slot, settled=False)
            with contextlib.suppress(EngineError, RuntimeError):  # until no engine can be had
                while self._is_lost:
                    with contextlib.suppress(ChannelLost):
                        self._move(await self._home.connection_async())
                        self._report(ending, kept=kept, again=True)
                        await self.connection.wait_async(self.slot, settled=False)
        except BaseException:
            self.cancel()
            raise

    @property
    def is_to_try_again(self) -> bool:
        """Whether the engine has admitted another attempt; then it is the one that `run` is about to make."""
        admitted = self.slot.admitted
        if admitted is None or self.slot.outcome is not None or self._settled_after_ms is not None:
            return False
        self._hear(admitted)
        return True

    @property
    def _is_lost(self) -> bool:
        slot = self.slot
        return slot.outcome is None and slot.refused is None and slot.admitted is None

    def _move(self, connection: Connection) -> None:
        self.connection, self.slot = connection, connection.open_slot(self.slot.id)
        self._moved = True

    def conclude(self, ending: dict[str, Any], value: Any, exception: BaseException | None) -> Outcome:
        """The outcome, after the ending was reported. Raises EngineError if the engine refused the call."""
        self._home.forget_call(self._submission)
        if self._settled_after_ms is not None:
            return success_as_told(self._facts, self._if_returned, self._settled_after_ms, value)
        if self.slot.refused is not None and not self._moved:
            self.slot.check()
        answer = self.slot.outcome
        if answer is not None:
            return outcome_from_header(answer["outcome"], value, exception)
        return outcome_without_engine(ending, self._facts, self.timeout_ms, value, exception)

    def cancel(self) -> None:
        """Tells the engine that nobody waits any more. What the body calls ends, too."""
        self._home.forget_call(self._submission)
        self._home.cancel_below(self._facts.call_id)
        self.connection.drop_slot(self.slot)
        with contextlib.suppress(ChannelLost):
            self.connection.send(cancel(self.slot.id))
