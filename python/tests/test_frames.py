"""Frames are cut from a stream as the protocol says, and what is no frame ends the stream."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endstop import frames
from endstop.frames import Frame, FrameDecoder, FrameTooLarge, ProtocolError, encode

from .support.vectors import vectors

VECTORS = vectors("frames")
GOOD = [vector for vector in VECTORS if "header" in vector]
BAD = [vector for vector in VECTORS if "problem" in vector]
MESSAGES = {"too-large": "the limit is", "not-a-header": "a frame's header is not", "cut": "ended inside a frame"}


def named(vector: dict[str, Any]) -> str:
    return str(vector["name"])


@pytest.mark.parametrize("vector", GOOD, ids=named)
def test_a_golden_frame_is_read_and_written_as_it_is(vector: dict[str, Any]) -> None:
    data, body = bytes.fromhex(vector["hex"]), bytes.fromhex(vector["bodyHex"])
    assert FrameDecoder().feed(data) == [Frame(vector["header"], body)]
    assert encode(vector["header"], body) == data


@pytest.mark.parametrize("vector", BAD, ids=named)
def test_a_golden_fault_is_a_protocol_error_that_says_what_is_wrong(vector: dict[str, Any]) -> None:
    decoder = FrameDecoder()

    def read_to_the_end() -> None:
        decoder.feed(bytes.fromhex(vector["hex"]))
        decoder.finish()

    with pytest.raises(ProtocolError, match=MESSAGES[vector["problem"]]):
        read_to_the_end()


def test_every_golden_problem_has_a_message_that_is_checked() -> None:
    assert {vector["problem"] for vector in BAD} == set(MESSAGES)
    assert len(GOOD) + len(BAD) == len(VECTORS)


headers = st.dictionaries(st.text(max_size=5), st.integers(-(2**53), 2**53) | st.text(max_size=20), max_size=3)


@given(st.lists(st.tuples(headers, st.binary(max_size=200)), max_size=5), st.data())
def test_frames_come_out_whole_wherever_the_stream_is_cut(
    sent: list[tuple[dict[str, Any], bytes]], data: st.DataObject
) -> None:
    expected = [Frame({**header, "type": "t"}, body) for header, body in sent]
    stream = b"".join(encode(frame.header, frame.body) for frame in expected)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    decoder, found = FrameDecoder(), []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += decoder.feed(stream[start:end])
    decoder.finish()
    assert found == expected


@given(st.binary(max_size=400))
def test_any_bytes_are_frames_or_a_protocol_error(data: bytes) -> None:
    decoder = FrameDecoder()
    with contextlib.suppress(ProtocolError):
        for frame in decoder.feed(data):
            assert isinstance(frame.header["type"], str)
        decoder.finish()


def test_a_peeked_frame_is_seen_again_until_its_bytes_are_deleted() -> None:
    decoder = FrameDecoder()
    decoder.buffer += encode({"type": "first"}, b"x") + encode({"type": "second"})
    first = decoder.peek()
    assert first is not None
    assert decoder.peek() == first
    del decoder.buffer[: first[2]]
    assert decoder.feed(b"") == [Frame({"type": "second"}, b"")]


def test_a_frame_that_is_too_large_is_not_made_and_says_which_part(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FrameTooLarge) as header:
        encode({"type": "call", "input": "x" * frames.MAX_HEADER_BYTES})
    assert (header.value.part, header.value.limit_bytes) == ("header", 8 * 1024 * 1024)
    assert header.value.observed_bytes == len(json.dumps({"type": "call", "input": ""}, separators=(",", ":"))) + (
        frames.MAX_HEADER_BYTES
    )
    monkeypatch.setattr(frames, "MAX_BODY_BYTES", 10)
    assert encode({"type": "t"}, b"x" * 10)
    with pytest.raises(FrameTooLarge, match="body of 11 bytes is larger than the limit of 10 bytes"):
        encode({"type": "t"}, b"x" * 11)


def test_a_length_above_the_limit_is_refused_before_its_bytes_arrive() -> None:
    with pytest.raises(ProtocolError, match="its body has 268435457 bytes, the limit is 268435456"):
        FrameDecoder().feed((2).to_bytes(4, "big") + (frames.MAX_BODY_BYTES + 1).to_bytes(4, "big"))
