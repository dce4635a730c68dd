"""Hands to the processes that a body on the host starts what they need to join the body's call.

By an environment variable that only the child gets; a child of multiprocessing gets it with its configuration, and a
forked one in its own copy of the environment. What starts a process in another way (`os.posix_spawn`, `os.spawnv`) is
not seen: such a child has an engine of its own.
"""

from __future__ import annotations

import functools
import itertools
import os
import socket
import subprocess
import threading
from collections.abc import Callable
from typing import Any

from endstop import frames
from endstop.client.connection import ChannelLost
from endstop.client.context import current_call, current_connection
from endstop.client.guest import PROCESS_CONFIGURATION_KEY
from endstop.host.watch import Watch
from endstop.worker.joining import CALL_VARIABLE, invitation

# Not those of calls, which count up.
_slot_numbers = itertools.count(-2, -1)
# The place of `env` among the arguments of Popen after `self`.
_ENV_POSITION = 10


def current_invitation() -> str | None:
    """For a process that is about to be started here. None outside of a body, or if its call is over."""
    connection, call = current_connection.get(), current_call.get()
    if connection is None or call is None or connection.lost is not None or not hasattr(socket, "AF_UNIX"):
        return None
    try:
        slot = connection.open_slot(next(_slot_numbers))
        connection.send(frames.encode({"type": "invite", "id": slot.id, "call": call}))
        connection.wait(slot, settled=True)
    except ChannelLost:
        return None
    if slot.outcome is None:
        return None
    return invitation(slot.outcome["token"], call, slot.outcome["socket"])


def watch_for_children() -> None:
    """Called before each body on the host."""
    Watch.put_all_on(_watches or _make_watches())


def stop_watching_for_children() -> None:
    for watch in _watches:
        watch.take_off()


_watches: tuple[Watch, ...] = ()
_making = threading.Lock()


def _make_watches() -> tuple[Watch, ...]:
    """Once: two for the same function would wrap each other for ever."""
    global _watches
    from multiprocessing.process import BaseProcess  # 5 ms, and the first call has an engine to start

    with _making:
        _watches = _watches or (
            Watch(subprocess.Popen, "__init__", _starting_with_environment),
            Watch(BaseProcess, "start", _starting_with_configuration),
        )
        return _watches


def _starting_with_environment(original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def start(self: Any, *args: Any, **kwargs: Any) -> None:
        handed = current_invitation()
        if handed is not None:
            if len(args) > _ENV_POSITION:
                environment = _with_variable(args[_ENV_POSITION], handed)
                args = (*args[:_ENV_POSITION], environment, *args[_ENV_POSITION + 1 :])
            else:
                kwargs["env"] = _with_variable(kwargs.get("env"), handed)
        original(self, *args, **kwargs)

    return start


def _with_variable(environment: Any, handed: str) -> dict[Any, Any]:
    return {**(os.environ if environment is None else environment), CALL_VARIABLE: handed}


def _starting_with_configuration(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def start(self: Any, *args: Any, **kwargs: Any) -> Any:
        handed = current_invitation()
        if handed is not None and isinstance(getattr(self, "_config", None), dict):
            self._config[PROCESS_CONFIGURATION_KEY] = handed
        return original(self, *args, **kwargs)

    return start


# -- forks

_forking = threading.local()


def _before_fork() -> None:
    _forking.handed = current_invitation()


def _after_fork_in_child() -> None:
    global _making
    _making = threading.Lock()
    handed = getattr(_forking, "handed", None)
    if handed is not None:
        os.environ[CALL_VARIABLE] = handed


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork_in_child)
