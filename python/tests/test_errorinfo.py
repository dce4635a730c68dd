"""An exception becomes plain data: bounded, valid text that begins where the user's code begins."""

from __future__ import annotations

import json

import pytest

from endstop.errorinfo import MAX_CAUSES, MAX_MESSAGE_CHARACTERS, MAX_STACK_CHARACTERS, describe_exception
from endstop.frames import MAX_GUEST_HEADER_BYTES, encode
from endstop.host.bodies import run_here


def raised_by(source: str) -> BaseException:
    try:
        exec(compile(source, "user_code.py", "exec"), {})
    except BaseException as exception:
        return exception
    raise AssertionError("it raised nothing")


def test_it_has_name_message_and_stack() -> None:
    error = describe_exception(raised_by("def pay(): raise ValueError('no money')\npay()"))
    assert (error["name"], error["message"]) == ("ValueError", "no money")
    assert 'File "user_code.py", line 1, in pay' in error["stack"]
    assert error["stack"].endswith("ValueError: no money\n")
    assert "cause" not in error


def test_the_stack_begins_with_the_user_s_frame() -> None:
    import contextvars

    def body() -> None:
        raise KeyError("mine")

    exception = run_here(body, contextvars.copy_context()).exception
    assert exception is not None
    first = describe_exception(exception)["stack"].splitlines()[1]
    assert "test_errorinfo.py" in first
    assert first.endswith("in body")


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("try: 1 / 0\nexcept ZeroDivisionError as problem: raise ValueError from problem", "ZeroDivisionError"),
        ("try: 1 / 0\nexcept ZeroDivisionError: raise ValueError", "ZeroDivisionError"),
        ("try: 1 / 0\nexcept ZeroDivisionError: raise ValueError from None", None),
    ],
)
def test_the_cause_is_what_python_would_show(source: str, cause: str | None) -> None:
    assert describe_exception(raised_by(source)).get("cause", {}).get("name") == cause


def test_a_chain_of_causes_ends_also_if_it_is_a_circle() -> None:
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    error, length = describe_exception(one), 0
    while "cause" in error:
        error, length = error["cause"], length + 1
    assert length == MAX_CAUSES


def test_long_texts_are_bounded_and_keep_both_ends() -> None:
    error = describe_exception(ValueError("begin" + "x" * 1_000_000 + "end"))
    assert len(error["message"]) < MAX_MESSAGE_CHARACTERS + 100
    assert len(error["stack"]) < MAX_STACK_CHARACTERS + 100
    assert error["message"].startswith("begin")
    assert error["message"].endswith("end")
    assert "990008 characters left out" in error["message"]


def test_an_exception_with_its_causes_has_room_in_the_header_of_a_worker_s_frame() -> None:
    class Escaped(Exception):
        def __str__(self) -> str:
            return "\x01" * 1_000_000

    problem = Escaped()
    for _ in range(20):
        following = Escaped()
        following.__cause__ = problem
        problem = following
    error = {"type": "raised", "error": describe_exception(problem)}
    assert encode({"type": "ended", "ending": error}, max_header_bytes=MAX_GUEST_HEADER_BYTES)


def test_an_exception_whose_text_cannot_be_read_is_described() -> None:
    class Broken(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    error = describe_exception(Broken())
    assert (error["name"], error["message"]) == ("Broken", "<Broken whose text cannot be read>")


def test_a_lone_surrogate_does_not_make_invalid_text() -> None:
    error = describe_exception(ValueError("a\ud800b"))
    assert error["message"] == "a?b"
    json.dumps(error, ensure_ascii=False).encode("utf-8")
