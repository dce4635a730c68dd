"""A tool's text as the model reads it: whole, or its size and its beginning."""

from __future__ import annotations


def bounded_text(tool: str, whole: str, max_bytes: int | None) -> str:
    """The whole if it has at most `max_bytes` as UTF-8 (None: no limit), else its size and its beginning, within that.

    No character is cut in two. A limit smaller than the sentence about the size gives the sentence alone.
    """
    if max_bytes is None or len(whole) * 4 <= max_bytes:
        return whole
    size = _utf8_bytes(whole)
    if size <= max_bytes:
        return whole
    room = max_bytes - _utf8_bytes(_sentence(tool, size, max_bytes))
    while True:
        shown = _beginning(whole, max(0, room))
        text = _sentence(tool, size, _utf8_bytes(shown)) + shown
        excess = _utf8_bytes(text) - max_bytes
        if excess <= 0 or not shown:
            return text
        room -= excess  # less can be longer to say: "999 B", "1 kB"


def _beginning(text: str, max_bytes: int) -> str:
    """The longest beginning of whole characters that has at most so many bytes."""
    # A character has at least one byte: what is past `max_bytes` characters cannot fit.
    return text[:max_bytes].encode("utf-8", "replace")[:max_bytes].decode("utf-8", "ignore")


def _sentence(tool: str, size: int, shown: int) -> str:
    return f"{tool} returned {_size_text(size)}; the first {_size_text(shown)} follow. "


def _utf8_bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def _size_text(size: int) -> str:
    """As the engine's messages show it: `950 B`, `12.5 kB`, `256 MB`."""
    if size < 1_000:
        return f"{size} B"
    unit, name = (1_000, "kB") if size < 1_000_000 else (1_000_000, "MB")
    return f"{f'{size / unit:.1f}'.removesuffix('.0')} {name}"
