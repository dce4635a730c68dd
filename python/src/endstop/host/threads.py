"""Body threads: daemon threads that run bodies with a deadline.

They are sticky: the calls of one tool in one run share a thread while it is free, since a tool may keep what belongs
to a thread, such as an sqlite3 connection.
"""

from __future__ import annotations

import _thread
import threading
import time
from collections.abc import Callable, Hashable
from contextvars import Context
from typing import Any

from endstop.host.stopping import BodyStopped, Stopper, StopPoint
from endstop.host.waiting import BodyClock

IDLE_S = 60.0
MAX_IDLE_THREADS = 64

Key = tuple[Hashable, ...]


class Job:
    """One body on its way through a thread. Exactly one of its thread and its caller gets the `claim`."""

    __slots__ = (
        "_body", "_claim", "_clock", "_context",
        "call_id", "done", "exception", "has_begun", "is_cancelled", "key", "on_done", "stop_point", "used_s", "value",
    )  # fmt: skip

    def __init__(
        self,
        body: Callable[[], Any],
        context: Context,
        clock: BodyClock,
        on_done: Callable[[], None] | None = None,
        *,
        key: Key = (),
        call_id: str = "",
    ) -> None:
        self.key = key
        self.call_id = call_id
        self.stop_point = StopPoint()
        self._body = body
        self._context = context
        self._clock = clock
        self.used_s = 0.0
        self.has_begun = False
        self.is_cancelled = False
        """Its caller was woken before the body had ended."""
        self.value: Any = None
        self.exception: BaseException | None = None
        # Held until the body has ended in time.
        self.done = _thread.allocate_lock()
        self.done.acquire()
        self._claim = _thread.allocate_lock()
        self.on_done = on_done

    def claim(self) -> bool:
        """For the thread: the body ended in time. For the caller: it is too late. True for whoever asks first."""
        return self._claim.acquire(False)

    def run_body(self) -> None:
        self.stop_point.enter()
        try:
            try:
                if self.is_cancelled:  # before this thread had it
                    return
                self.has_begun = True
                self.value = self._context.run(self._body)
            except BaseException as exception:  # a SystemExit in a tool must not end the thread or the process
                self.exception = exception
            finally:
                self.stop_point.leave()
        except BodyStopped as exception:  # it came just behind the body
            self.exception = exception
            self.stop_point.leave()
        self.used_s = self._clock.used_s()

    def tell_caller(self) -> None:
        self.done.release()
        if self.on_done is not None:
            self.on_done()


class BodyThreads:
    """The idle threads by key, and the jobs whose body outlived its deadline."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Starts anew. Also in a forked child, where the threads do not exist."""
        self._lock = _thread.allocate_lock()
        self._idle: dict[Key, list[_BodyThread]] = {}
        self._idle_count = 0
        self.abandoned_since: dict[Job, float] = {}
        """Bodies that go on after their callers have left, each with the instant (monotonic seconds) of that."""
        self._stopper = Stopper()

    def abandoned_jobs(self) -> list[tuple[Job, float]]:
        """Bodies that go on after their deadline, each with the instant (monotonic seconds) of that."""
        with self._lock:
            return list(self.abandoned_since.items())

    def start(self, job: Job) -> None:
        """Raises RuntimeError if no thread can be started; then the body did not run."""
        key = job.key
        with self._lock:
            waiting = self._idle.get(key)
            thread = waiting.pop() if waiting else None
            if thread is not None:
                self._idle_count -= 1
        if thread is not None:
            thread.hand_over(job)
        else:
            _BodyThread(self, key, job).start()

    def abandon(self, job: Job) -> bool:
        """The caller does not wait any more; False if the body has just ended and its result is there.

        The body is asked to stop, until it does.
        """
        with self._lock:
            if not job.claim():
                return False
            self.abandoned_since[job] = time.monotonic()
        self._stopper.stop(job.stop_point)
        return True

    def cancel(self, job: Job) -> None:
        """The same from another thread, and wakes the caller. Does nothing if the body has ended."""
        with self._lock:
            if not job.claim():
                return
            job.is_cancelled = True
            self.abandoned_since[job] = time.monotonic()
        self._stopper.stop(job.stop_point)
        job.tell_caller()

    def stop(self, point: StopPoint) -> None:
        """Asks a body to stop that runs in its caller's thread, until it does."""
        self._stopper.stop(point)

    def goes_on(self, job: Job) -> bool:
        """Whether the body of a job that was left has not ended yet."""
        return job in self.abandoned_since

    def release(self, prefix: Key) -> None:
        """Ends the idle threads whose key starts with `prefix`."""
        with self._lock:
            keys = [key for key in self._idle if key[: len(prefix)] == prefix]
            threads = [thread for key in keys for thread in self._idle.pop(key)]
            self._idle_count -= len(threads)
        for thread in threads:
            thread.hand_over(None)

    def settle(self, thread: _BodyThread, job: Job) -> tuple[bool, bool]:
        """The thread's part when a body has ended: whether its caller still waits, and whether the thread stays."""
        with self._lock:
            if not job.claim():
                self.abandoned_since.pop(job, None)
                return False, False
            stays = self._idle_count < MAX_IDLE_THREADS
            if stays:
                self._idle.setdefault(thread.key, []).append(thread)
                self._idle_count += 1
            return True, stays

    def retire(self, thread: _BodyThread) -> bool:
        """Takes an idle thread away that has nothing to do; False if a job is on its way to it."""
        with self._lock:
            waiting = self._idle.get(thread.key, [])
            if thread not in waiting:
                return False
            waiting.remove(thread)
            if not waiting:
                del self._idle[thread.key]
            self._idle_count -= 1
            return True


class _BodyThread:
    def __init__(self, threads: BodyThreads, key: Key, job: Job) -> None:
        self.key = key
        self._threads = threads
        self._job: Job | None = job
        self._wake = _thread.allocate_lock()
        self._wake.acquire()

    def start(self) -> None:
        threading.Thread(target=self._work, name=f"endstop-body-{self.key[-1]}", daemon=True).start()

    def hand_over(self, job: Job | None) -> None:
        self._job = job
        self._wake.release()

    def _work(self) -> None:
        job = self._job
        while job is not None:
            self._job = None
            job.run_body()
            # Idle before the caller knows: its next call finds this thread free.
            in_time, stays = self._threads.settle(self, job)
            done, on_done = job.done, job.on_done
            job = None
            if not in_time:
                return
            # Told last, and from here straight to sleep: the caller wakes up to an interpreter that nobody holds.
            done.release()
            if on_done is not None:
                on_done()
                on_done = None
            if not stays:
                return
            while not self._wake.acquire(True, IDLE_S):
                if self._threads.retire(self):
                    return
            job = self._job
