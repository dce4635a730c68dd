"""An exception as the plain `error` of the protocol: name, message, stack, cause."""

from __future__ import annotations

import os
import traceback
from types import TracebackType
from typing import Any

from endstop.host.stopping import FROM_OUTSIDE
from endstop.values import clean, text_of, unreadable

# All texts of an exception, however they are escaped, have room in the header of a guest's frame.
MAX_NAME_CHARACTERS = 1_000
MAX_MESSAGE_CHARACTERS = 10_000
MAX_STACK_CHARACTERS = 50_000
"""Of the exception and its causes together."""
_MIN_STACK_CHARACTERS = 100
MAX_CAUSES = 8

_CAUSE, _CONTEXT = BaseException.__dict__["__cause__"], BaseException.__dict__["__context__"]
_SUPPRESS_CONTEXT = BaseException.__dict__["__suppress_context__"]
_EXIT_CODE = SystemExit.__dict__["code"]
_OWN_FOLDER = os.path.dirname(os.path.abspath(__file__)) + os.sep
# Tools that come with the package are the user's frames, too.
_NOT_OWN = _OWN_FOLDER + "demo" + os.sep


def describe_exception(exception: BaseException) -> dict[str, Any]:
    """`{name, message, stack, cause?}`; texts are bounded and always valid UTF-8, at most MAX_CAUSES causes follow."""
    return _describe(exception, MAX_CAUSES, MAX_STACK_CHARACTERS)


def is_readable(exception: BaseException) -> bool:
    """Whether it has a text: its own `__str__` may raise anything."""
    try:
        text_of(exception)
    except FROM_OUTSIDE:
        raise
    except BaseException:
        return False
    return True


def _describe(exception: BaseException, causes_left: int, stack_left: int) -> dict[str, Any]:
    name, message = _name(exception), _message(exception)
    # After the message: traceback reads the text too, and swallows whatever is raised meanwhile, BodyStopped as well.
    stack = _bounded(_stack(exception), stack_left) if stack_left >= _MIN_STACK_CHARACTERS else ""
    error: dict[str, Any] = {
        "name": _bounded(name, MAX_NAME_CHARACTERS),
        "message": _bounded(message, MAX_MESSAGE_CHARACTERS),
        "stack": stack,
    }
    # Its class may have put something else in their places.
    cause = _CAUSE.__get__(exception)
    if cause is None and not _SUPPRESS_CONTEXT.__get__(exception):
        cause = _CONTEXT.__get__(exception)
    if cause is not None and causes_left > 0:
        error["cause"] = _describe(cause, causes_left - 1, stack_left - len(stack))
    return error


def _name(exception: BaseException) -> str:
    # A metaclass may have put something else in its place.
    name: str = type.__getattribute__(type(exception), "__name__")
    return name


def _message(exception: BaseException) -> str:
    try:
        text = text_of(exception)
    except FROM_OUTSIDE:
        raise
    except BaseException:  # the exception's own __str__ may raise anything
        return unreadable(exception)
    if isinstance(exception, SystemExit):
        return _exit_text(exception, text)
    return text


def _exit_text(exception: SystemExit, text: str) -> str:
    code = _EXIT_CODE.__get__(exception)
    if code is None:
        return "exit code 0"
    return f"exit code {text}" if type(code) is int else f"exit code 1: {text}"


def _stack(exception: BaseException) -> str:
    try:
        frames = _without_own_frames(exception.__traceback__)
        return "".join(traceback.format_exception(type(exception), exception, frames, chain=False))
    except FROM_OUTSIDE:
        raise
    except BaseException:  # formatting calls the exception's own methods, which may raise anything
        return ""


def _without_own_frames(frames: TracebackType | None) -> TracebackType | None:
    """The traceback from the first frame that is not of this package: where the user's code begins."""
    first = frames
    while first is not None:
        file = first.tb_frame.f_code.co_filename
        if not file.startswith(_OWN_FOLDER) or file.startswith(_NOT_OWN):
            return first
        first = first.tb_next
    return frames


def bounded_detail(text: str) -> str:
    """What an ending or an outcome says of a problem: in a frame there is room for so much in any case."""
    return _bounded(text, MAX_MESSAGE_CHARACTERS)


def _bounded(text: str, limit: int) -> str:
    if len(text) > limit:
        half = limit // 2
        text = f"{text[:half]}\n… {len(text) - 2 * half} characters left out …\n{text[-half:]}"
    return clean(text)
