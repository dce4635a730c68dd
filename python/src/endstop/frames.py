"""Frames, as in protocol/README.md: two lengths, a JSON header with a `type`, an opaque body."""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

import msgspec

PROTOCOL_VERSION = 1
MAX_HEADER_BYTES = 8 * 1024 * 1024
MAX_GUEST_HEADER_BYTES = 1_000_000
"""Of a worker, and of a process that belongs to a call."""
MAX_BODY_BYTES = 256 * 1024 * 1024

_LENGTHS = struct.Struct("!II")
_encode_json = msgspec.json.Encoder().encode
_decode_json = msgspec.json.Decoder().decode


class ProtocolError(Exception):
    """The other side sent something that is not a frame; the channel cannot be used any more."""


class FrameTooLarge(ProtocolError):
    """A frame that was to be sent is larger than a frame may be. Nothing was sent.

    `part` is `header` or `body`; `observed_bytes` and `limit_bytes` are its size and the limit.
    """

    def __init__(self, part: str, observed_bytes: int, limit_bytes: int) -> None:
        super().__init__(f"a frame's {part} of {observed_bytes} bytes is larger than the limit of {limit_bytes} bytes")
        self.part = part
        self.observed_bytes = observed_bytes
        self.limit_bytes = limit_bytes


class Frame(NamedTuple):
    header: dict[str, Any]
    body: bytes


def encode(header: dict[str, Any], body: bytes = b"", *, max_header_bytes: int | None = None) -> bytes:
    """The bytes of one frame. Raises FrameTooLarge, and what msgspec raises for a header that is not JSON.

    The header may have `max_header_bytes`, by default MAX_HEADER_BYTES.
    """
    head = _encode_json(header)
    limit_bytes = MAX_HEADER_BYTES if max_header_bytes is None else max_header_bytes
    if len(head) > limit_bytes:
        raise FrameTooLarge("header", len(head), limit_bytes)
    if len(body) > MAX_BODY_BYTES:
        raise FrameTooLarge("body", len(body), MAX_BODY_BYTES)
    return b"".join((_LENGTHS.pack(len(head), len(body)), head, body))


class FrameDecoder:
    """Cuts a stream of bytes into frames.

    `feed(data)` is the easy way. A reader that can be interrupted at any instruction appends to `buffer`
    itself, takes frames with `peek`, and deletes their bytes from `buffer` when it is done with them: an interrupt
    before that loses nothing, and the frame is seen again.
    """

    __slots__ = ("buffer",)

    def __init__(self) -> None:
        self.buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """Frames that are complete with `data`. Raises ProtocolError."""
        if not self.buffer and (frame := _only_frame(data)) is not None:
            return [frame]
        self.buffer += data
        frames = []
        while (found := self.peek()) is not None:
            header, body, size = found
            frames.append(Frame(header, body))
            del self.buffer[:size]
        return frames

    def peek(self) -> tuple[dict[str, Any], bytes, int] | None:
        """The first frame's header and body, and its size in bytes; None while it is not complete.

        Raises ProtocolError.
        """
        buffer = self.buffer
        if len(buffer) < _LENGTHS.size:
            return None
        header_bytes, body_bytes = _LENGTHS.unpack_from(buffer)
        if header_bytes > MAX_HEADER_BYTES or body_bytes > MAX_BODY_BYTES:
            raise _too_large(header_bytes, body_bytes)
        body_start = _LENGTHS.size + header_bytes
        end = body_start + body_bytes
        if len(buffer) < end:
            return None
        header = _parse_header(buffer[_LENGTHS.size : body_start])
        return header, bytes(buffer[body_start:end]) if body_bytes else b"", end

    def finish(self) -> None:
        """To be called at the end of the stream. Raises ProtocolError if it ended inside a frame."""
        if self.buffer:
            raise ProtocolError(f"the stream ended inside a frame, after {len(self.buffer)} of its bytes")


def _only_frame(data: bytes) -> Frame | None:
    """The frame that is all of `data`, which most are; None if it is anything else."""
    if len(data) < _LENGTHS.size:
        return None
    header_bytes, body_bytes = _LENGTHS.unpack_from(data)
    body_start = _LENGTHS.size + header_bytes
    if body_start + body_bytes != len(data) or header_bytes > MAX_HEADER_BYTES or body_bytes > MAX_BODY_BYTES:
        return None
    return Frame(_parse_header(data[_LENGTHS.size : body_start]), data[body_start:])


def _too_large(header_bytes: int, body_bytes: int) -> ProtocolError:
    if header_bytes > MAX_HEADER_BYTES:
        return ProtocolError(f"a frame says its header has {header_bytes} bytes, the limit is {MAX_HEADER_BYTES}")
    return ProtocolError(f"a frame says its body has {body_bytes} bytes, the limit is {MAX_BODY_BYTES}")


def _parse_header(data: bytes | bytearray) -> dict[str, Any]:
    try:
        header = _decode_json(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise ProtocolError(f"a frame's header is not JSON: {problem}") from None
    if not isinstance(header, dict) or not isinstance(header.get("type"), str):
        raise ProtocolError("a frame's header is not a JSON object with a string `type`")
    return header
