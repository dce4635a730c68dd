"""One call as the model, or code, asked for it: decided before CrewAI's cache and hooks, settled after them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from crewai.tools.tool_failure import ToolFailureRecord

from endstop.client.local_ticket import LocalTicket
from endstop.client.session import CallRequest, Ticket
from endstop.crewai import runs
from endstop.crewai.admitting import Admission
from endstop.crewai.failures import deliver, tool_failure
from endstop.crewai.guarding import Guarding, Terms
from endstop.crewai.timing import Timing
from endstop.errorinfo import is_readable
from endstop.outcome import Outcome

_NOTHING: Final = object()
_IMAGE: Final = re.compile(r"VISION_IMAGE:[^:]+:")
_MAX_IMAGE_CHARACTERS: Final = 20_000_000
"""No model takes a larger image."""


class Request:
    """A call between its admission and its outcome.

    `tool` is the object whose body seam it waits for. An agent's request (`to_agent`) gets failures as values.
    `answers_again`: CrewAI's text path invokes once more when the first invocation raises, and gets the same answer.
    """

    def __init__(
        self,
        tool: Any,
        terms: Terms,
        admission: Admission,
        guard: Guarding,
        timing: Timing,
        *,
        to_agent: bool,
        answers_again: bool = False,
    ) -> None:
        self.tool = tool
        self.terms = terms
        self.timing = timing
        self._guard = guard
        self.to_agent = to_agent
        self.answers_again = answers_again
        self.outcome = admission if isinstance(admission, Outcome) else None
        self.ticket = None if isinstance(admission, Outcome) else admission
        self.is_counted = False
        """Whether CrewAI has counted it as a use of its tool."""
        self._claimed = False
        self._started = False
        self._given_back = False
        self._cached: Any = _NOTHING
        self._misfit: str | None = None

    def claim(self) -> bool:
        """Whether a call of the tool's body seam is this request's body. A call after it is one of its own."""
        if self._claimed and self.outcome is not None and not self.answers_again:
            return False
        self._claimed = True
        return True

    def start(self) -> Ticket | LocalTicket:
        """The ticket, to run the body with. It settles the call, whatever happens."""
        if self.ticket is None:
            raise RuntimeError(f"the request of {self.terms.name} was not admitted")
        self._started = True
        return self.ticket

    @property
    def bypasses_cache(self) -> bool:
        """A rejected request has its answer, and a poller wants a new one: neither is for CrewAI's cache to give."""
        return self.outcome is not None or self.terms.is_poller

    @property
    def is_unused(self) -> bool:
        """CrewAI did nothing with an admitted request: a hook blocked it, or CrewAI's own usage limit."""
        if self.outcome is None:
            return self._cached is _NOTHING and self._misfit is None
        return self._given_back

    @property
    def was_stopped(self) -> bool:
        """Settled by a limit, not by the tool itself."""
        failure = self.outcome.failure if self.outcome is not None else None
        return failure is not None and failure.code != "tool-error" and not self._given_back

    def found_in_cache(self, value: Any) -> None:
        """CrewAI's cache answers this request."""
        self._cached = value

    def did_not_fit(self, error: Exception) -> None:
        """CrewAI refused the input, so no body ran."""
        self._misfit = str(error)

    def deliver(self) -> Any:
        """The value of the settled request, or its failure: see `failures.deliver`."""
        if self.outcome is None:
            raise RuntimeError(f"the request of {self.terms.name} has no outcome yet")
        return deliver(self.outcome, to_agent=self.to_agent)

    def finish(self) -> None:
        """Called once, when CrewAI is done with it: tells the engine how it ended if no body ran, and counts it."""
        try:
            with self.timing.deciding():
                self._settle_without_body()
        finally:
            self._guard.tally.add(self.terms.name, self.outcome, self.timing, was_stopped=self.was_stopped)
            if self.to_agent and self.outcome is not None and self.was_stopped:
                self._guard.stops.tell(self.outcome)

    def _settle_without_body(self) -> None:
        if self.outcome is not None or self.ticket is None or self._started:
            return
        if self._cached is not _NOTHING:
            self.outcome = self.ticket.answered(self._cached)
        elif self._misfit is not None:
            self.outcome = self.ticket.invalid(self._misfit)
        else:
            self._given_back = True
            self.outcome = self.ticket.give_back("CrewAI did not run it")

    def note_end(self) -> None:
        """If this call's rejection ended its agent or the run, they must know before they ask the model again."""
        failure = self.outcome.failure if self.outcome is not None else None
        if failure is not None and failure.code in ("agent-ended", "run-ended"):
            runs.note_end(ToolFailureRecord(tool_name=self.terms.name, failure=tool_failure(failure)))

    def for_model(self, text: Any, *, is_bounded: bool = True, decodes_images: bool = False) -> Any:
        """The text for the model, bounded, with what the engine adds to it; of another value its text, if too large.

        `is_bounded`: false where CrewAI itself defers a large result. `decodes_images`: CrewAI makes an image of a
        text that says so; one that a model can take stays whole.
        """
        if self.outcome is None or text is None:
            return text
        if not isinstance(text, str):
            whole = str(text)
            bounded = self.outcome.bounded(whole)
            return text if bounded == whole else bounded
        if decodes_images and len(text) <= _MAX_IMAGE_CHARACTERS and _IMAGE.match(text):
            return text
        if self.outcome.exception is not None:
            text = _with_type(text, self.outcome.exception)
        return self.outcome.with_notice(self.outcome.bounded(text) if is_bounded else text)


def _with_type(text: str, exception: BaseException) -> str:
    """CrewAI's text about an exception, in which its message alone stands after a colon."""
    if not is_readable(exception):  # CrewAI's text then has no message of it either
        return text
    kind, message = type(exception).__name__, str(exception)
    before, found, after = text.partition(f": {message}")
    if not found or message.startswith(kind):
        return text
    return f"{before}: {kind}: {message}{after}" if message else f"{before}: {kind}{after}"


current_request: ContextVar[Request | None] = ContextVar("endstop_crewai_request", default=None)
"""The agent's request that CrewAI is carrying out in this context."""

last_request: ContextVar[Request | None] = ContextVar("endstop_crewai_last_request", default=None)
"""The latest finished one, until CrewAI's own check for repetition has asked about it."""


read_by_a_model: ContextVar[Any] = ContextVar("endstop_crewai_read_by_a_model", default=None)
"""The tool whose `run` another framework calls, to hand what comes of it to its model."""

decodes_images: ContextVar[bool] = ContextVar("endstop_crewai_decodes_images", default=False)
"""Whether CrewAI makes an image of a text about one, in this context, outside of bodies."""


def ask(
    guard: Guarding, tool: Any, terms: Terms, call: CallRequest, *, to_agent: bool, answers_again: bool = False
) -> Request:
    """The call with the decision on it."""
    timing = Timing()
    with timing.deciding():
        admission = guard.admitting.ask(call, terms.policy)
        timing.waited(_waited_ms(admission))
    return Request(tool, terms, admission, guard, timing, to_agent=to_agent, answers_again=answers_again)


async def ask_async(
    guard: Guarding, tool: Any, terms: Terms, call: CallRequest, *, to_agent: bool, answers_again: bool = False
) -> Request:
    """The same without blocking the loop."""
    timing = Timing()
    with timing.deciding():
        admission = await guard.admitting.ask_async(call, terms.policy)
        timing.waited(_waited_ms(admission))
    return Request(tool, terms, admission, guard, timing, to_agent=to_agent, answers_again=answers_again)


def _waited_ms(admission: Admission) -> float:
    """For its turn, or for another call that answers it: what the engine decides at once takes it next to nothing."""
    return admission.elapsed_ms if isinstance(admission, Outcome) else admission.waited_ms


@contextmanager
def carried_out_by_crewai(request: Request) -> Iterator[Request]:
    """The scope in which CrewAI's own method carries out an agent's request. At its end the request is settled."""
    token = current_request.set(request)
    try:
        yield request
    finally:
        current_request.reset(token)
        request.finish()
        last_request.set(request)
        request.note_end()
