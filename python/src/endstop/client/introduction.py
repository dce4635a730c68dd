"""What an engine knows of a session, and what the next one is told of it when that one is lost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from endstop import frames
from endstop.client.silence import waits
from endstop.client.submission import Submission
from endstop.client.unconfirmed import Unconfirmed


class Introduction:
    """Kept by one session. `unconfirmed` has the endings that an engine was told and may not have heard."""

    def __init__(self, session: str, options: Mapping[str, Any]) -> None:
        self.unconfirmed = Unconfirmed()
        self.answered = False
        """Whether an engine has answered a call of the session, or may have started its body: the next one resumes."""
        self.last_admitted = 0
        """The highest number of a call that an engine has admitted: its journal must have it."""
        self._introduced = False
        """Whether an engine may have a journal of the session: it answers forked children, too, unseen here."""
        self._session = session
        self._options: dict[str, Any] = dict(options)
        self._policies: dict[str, dict[str, Any]] = {}
        self._limits: dict[str, Mapping[str, Any]] = {}
        """The same with what the options say for all tools."""
        self._runs: dict[str, bool] = {}
        """The same as `answered`, of each run that is open."""
        self._joining: set[str] = set()

    def has_run(self, run: str) -> bool:
        return run in self._runs

    def register(self, tool: str, policy: dict[str, Any]) -> dict[str, Any]:
        """Returns the message for an engine that knows the session already, as the next two do."""
        self._policies[tool] = dict(policy)
        self._limits[tool] = {**self._options, **policy}
        return self._registration(tool, policy)

    def limits_of(self, tool: str) -> Mapping[str, Any]:
        """Those that are known here."""
        return self._limits.get(tool, self._options)

    def open_run(self, run: str, *, joins: bool) -> dict[str, Any]:
        if joins:
            self._joining.add(run)
        self._runs[run] = False
        return {"type": "open-run", "engine": self._session, "run": run, "joins": joins}

    def close_run(self, run: str) -> dict[str, Any]:
        self._runs.pop(run, None)
        self._joining.discard(run)
        return {"type": "close-run", "engine": self._session, "run": run}

    def is_answered_in(self, run: str | None) -> bool:
        """Whether there is nothing to note any more for a call of the run; None is outside any."""
        return self.answered and self._runs.get(run or "") is not False

    def note_answer(self, call: Submission) -> None:
        """What a lost engine did for this call must be known to the next one, unless it certainly did nothing."""
        if call.may_have_begun:
            self.answered = True
            if call.run in self._runs:
                self._runs[call.run] = True

    def frames(self, calls: Iterable[Submission]) -> list[bytes]:
        """All of it, for an engine that does not know the session; `calls` are those in flight."""
        calls = list(calls)
        for call in calls:
            self.note_answer(call)
        told = self.unconfirmed.told()
        opening = {"type": "open-engine", "engine": self._session, "options": self._options}
        if self.is_resumed:
            opening["resume"] = {
                "answered": self.answered,
                "lastAdmitted": self.last_admitted,
                "calls": [*(call.id for call in calls), *told],
            }
        self._introduced = True
        headers: list[dict[str, Any]] = [opening]
        headers += [self._registration(tool, policy) for tool, policy in list(self._policies.items())]
        headers += [
            {"type": "open-run", "engine": self._session, "run": run, "resume": used, "joins": run in self._joining}
            for run, used in list(self._runs.items())
        ]
        unbegun = [waits(call.id) for call in calls if call.is_unbegun]
        return [*(frames.encode(header) for header in headers), *unbegun, *self.unconfirmed.again(told)]

    @property
    def is_resumed(self) -> bool:
        """Whether an engine knew the session before: the next one reads what that wrote down."""
        return self._introduced

    def begin_anew(self) -> None:
        """The engine that is met next has no journal of what the last one knew of this session."""
        self.unconfirmed.clear()
        self.answered = False
        self.last_admitted = 0
        self._introduced = False
        self._runs = dict.fromkeys(self._runs, False)

    def _registration(self, tool: str, policy: dict[str, Any]) -> dict[str, Any]:
        return {"type": "register", "engine": self._session, "tool": tool, "policy": policy}
