"""Python values as JSON that loses nothing (protocol/README.md, "Values"), their digest and preview."""

from __future__ import annotations

import base64
import binascii
import datetime
import hashlib
import math
import re
import reprlib
import uuid
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from endstop.host.stopping import FROM_OUTSIDE

MAX_DEPTH = 100
PREVIEW_CHARACTERS = 200

# Past about a megabyte a value is not compared: encoding and hashing it would hold up its caller.
MAX_COMPARED_SIZE = 1_000_000
# To look at a part takes as long as at so many characters of a text, or longer.
_PART_SIZE = 16

_MAX_SAFE_INTEGER = 2**53 - 1
_deterministic_json = msgspec.json.Encoder(order="deterministic").encode
_MAX_PLAIN_PARTS = 1_000
_CONTAINERS = (dict, list, tuple, set, frozenset)
_SCALARS = frozenset({bool, int, float, type(None)})
# Shows the beginning of a large value: at most 20 parts of a container, three levels deep.
_large = reprlib.Repr()
_large.maxlevel = 3
_large.maxlist = _large.maxtuple = _large.maxset = _large.maxfrozenset = _large.maxdict = 20
_large.maxstring = PREVIEW_CHARACTERS
# The default repr of an object: its address says nothing about its value, and is used again for others.
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+>")


class Unencodable(ValueError):
    """A part of a value has no encoding. `path` names it, like `input.items[3]`; `type_name` is its type."""

    def __init__(self, type_name: str, reason: str = "") -> None:
        super().__init__(type_name, reason)
        self.type_name = type_name
        self.reason = reason
        self.path = "value"
        self._steps: list[str] = []

    def __str__(self) -> str:
        return f"{self.path} ({self.type_name}) cannot be encoded" + (f": {self.reason}" if self.reason else "")

    def _inside(self, step: str) -> None:
        self._steps.append(step)

    def _rooted(self, root: str) -> None:
        self.path = root + "".join(reversed(self._steps))


def encode(value: Any, root: str = "input") -> Any:
    """`value` as a structure that JSON keeps as it is. Raises Unencodable; its path starts with `root`."""
    try:
        return _encode(value, 0)
    except Unencodable as problem:
        problem._rooted(root)
        raise


def decode(encoded: Any) -> Any:
    """The value that `encode` was given. Raises ValueError for a tag or a tagged text that is not of the protocol."""
    if isinstance(encoded, dict):
        if len(encoded) == 1:
            ((key, content),) = encoded.items()
            if key.startswith("$"):
                return _decode_tagged(key, content)
        return {key: decode(item) for key, item in encoded.items()}
    if isinstance(encoded, list):
        return [decode(item) for item in encoded]
    return encoded


def digest(value: Any) -> str | None:
    """A collision-resistant hash of the value; of `str(value)` for what has no encoding.

    None if that says nothing, or if the value is larger than about a megabyte: then no more of it is looked at.
    """
    if type(value) not in _SCALARS and is_large(value):
        return None
    try:
        data = b"value:" + _deterministic_json(_encode(value, 0))
    except Unencodable:
        text = _text(value)
        if text is None or len(text) > MAX_COMPARED_SIZE or _ADDRESS.search(text):
            return None
        data = b"text:" + text.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, digest_size=32).hexdigest()


def preview(value: Any, characters: int = PREVIEW_CHARACTERS) -> str | None:
    """The first characters of `str(value)`, or None if it has no text; of a large value, of its first parts."""
    is_whole = type(value) is str or type(value) in _SCALARS or not is_large(value)
    text = _text(value, str if is_whole else _large.repr)
    return None if text is None else clean(text[:characters])


def clean(text: str) -> str:
    """The text as valid UTF-8: a lone surrogate becomes a question mark."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def is_large(value: Any) -> bool:
    """Whether the value's encoding would be larger than about a megabyte; looks at no more parts than that has."""
    if type(value) is str:
        return len(value) + _PART_SIZE > MAX_COMPARED_SIZE
    left = MAX_COMPARED_SIZE
    parts = [value]
    while parts:
        part = parts.pop()
        kind = type(part)
        left -= _PART_SIZE
        if kind in (str, bytes):
            left -= len(part)
        elif kind in _CONTAINERS:
            inner = len(part) * (2 if kind is dict else 1)
            # What is inside counts with its number before it is looked at.
            if (len(parts) + inner) * _PART_SIZE > left:
                return True
            parts.extend(part)
            if kind is dict:
                parts.extend(part.values())
        if left < 0:
            return True
    return False


def _text(value: Any, make: Callable[[Any], str] = str) -> str | None:
    if type(value) is str:
        return str(value)
    try:
        return text_of(value, make)
    except FROM_OUTSIDE:
        raise
    except BaseException:  # the value's own __str__ may raise anything; then it has no text
        return None


def text_of(value: Any, make: Callable[[Any], str] = str) -> str:
    """`str(value)` as a plain text, which a `__str__` need not give. Raises whatever that raises."""
    return str.__str__(make(value))


def shown(value: Any) -> str:
    """`str(value)`, or what it is if it has no text."""
    text = _text(value)
    return unreadable(value) if text is None else text


def unreadable(value: Any) -> str:
    """What stands for the text of a value whose own `__str__` raises."""
    name = type.__getattribute__(type(value), "__name__")  # a metaclass may have put something else in its place
    return f"<{name} whose text cannot be read>"


def is_plain(value: Any) -> bool:
    """Whether its text and encoding run no code of anybody; False also for what has many parts."""
    parts, seen = [value], 0
    while parts and seen < _MAX_PLAIN_PARTS:
        part = parts.pop()
        seen += 1
        kind = type(part)
        if kind in _CONTAINERS and len(part) < _MAX_PLAIN_PARTS:
            parts.extend(part)
            if kind is dict:
                parts.extend(part.values())
        elif kind is not str and kind not in _SCALARS and kind not in _ENCODERS:
            return False
    return not parts


def _encode(value: Any, depth: int) -> Any:
    kind = type(value)
    if kind is str:
        if not value.isascii():
            _check_text(value)
        return value
    if kind is bool or value is None:
        return value
    if kind is int:
        return value if -_MAX_SAFE_INTEGER <= value <= _MAX_SAFE_INTEGER else {"$int": _integer_text(value)}
    if kind is dict:
        return _encode_dict(value, depth)
    if kind is list:
        return _encode_items(value, depth)
    if kind is float:
        return _encode_float(value)
    encoder = _ENCODERS.get(kind)
    if encoder is None:
        raise Unencodable(_type_name(kind))
    return encoder(value, depth)


def _check_text(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise Unencodable("str", "it has a lone surrogate") from None


def _integer_text(value: int) -> str:
    try:
        return str(value)
    except ValueError as problem:  # more digits than sys.get_int_max_str_digits() allows
        raise Unencodable("int", str(problem)) from None


def _encode_float(value: float) -> Any:
    if value.is_integer() or not math.isfinite(value):
        return {"$float": repr(value)}
    return value


def _deeper(depth: int, kind: type) -> int:
    if depth >= MAX_DEPTH:
        raise Unencodable(_type_name(kind), f"it is nested deeper than {MAX_DEPTH}")
    return depth + 1


def _encode_dict(value: dict[Any, Any], depth: int) -> Any:
    depth = _deeper(depth, dict)
    encoded = {}
    key: Any = None
    try:
        for key, item in value.items():
            if type(key) is not str or key.startswith("$"):
                break
            if not key.isascii():
                _check_text(key)
            encoded[key] = _encode(item, depth)
        else:
            return encoded
    except Unencodable as problem:
        problem._inside(f".{key}" if key.isidentifier() else f"[{key!r}]")
        raise
    return _encode_pairs(value, depth)


def _encode_pairs(value: dict[Any, Any], depth: int) -> Any:
    pairs = []
    for key, item in value.items():
        try:
            pairs.append([_encode(key, depth), _encode(item, depth)])
        except Unencodable as problem:
            problem._inside(f"[{key!r}]")
            raise
    return {"$object": sorted(pairs, key=lambda pair: _deterministic_json(pair[0]))}


def _encode_items(value: Any, depth: int) -> list[Any]:
    depth = _deeper(depth, type(value))
    encoded: list[Any] = []
    try:
        for item in value:
            encoded.append(_encode(item, depth))
    except Unencodable as problem:
        problem._inside(f"[{len(encoded)}]")
        raise
    return encoded


def _encode_set(tag: str) -> Callable[[Any, int], Any]:
    def encode_set(value: Any, depth: int) -> Any:
        depth = _deeper(depth, type(value))
        try:
            encoded = [_encode(item, depth) for item in value]
        except Unencodable as problem:
            problem._inside("{…}")
            raise
        return {tag: sorted(encoded, key=_deterministic_json)}

    return encode_set


def _encode_datetime(value: datetime.datetime, depth: int) -> Any:
    _check_zone(value)
    return {"$datetime": value.isoformat()}


def _encode_time(value: datetime.time, depth: int) -> Any:
    _check_zone(value)
    return {"$time": value.isoformat()}


def _check_zone(value: datetime.datetime | datetime.time) -> None:
    # ISO 8601 has the offset, not the zone that it comes from, and not `fold`.
    if value.tzinfo is not None and type(value.tzinfo) is not datetime.timezone:
        raise Unencodable(_type_name(type(value)), f"its zone is a {_type_name(type(value.tzinfo))}")
    if value.fold:
        raise Unencodable(_type_name(type(value)), "it has fold=1")


# Exact types only: what a subclass adds (an enum's name, a named tuple's fields) would be lost.
_ENCODERS: dict[type, Callable[[Any, int], Any]] = {
    tuple: lambda value, depth: {"$tuple": _encode_items(value, depth)},
    set: _encode_set("$set"),
    frozenset: _encode_set("$frozenset"),
    bytes: lambda value, depth: {"$bytes": base64.b64encode(value).decode("ascii")},
    datetime.datetime: _encode_datetime,
    datetime.date: lambda value, depth: {"$date": value.isoformat()},
    datetime.time: _encode_time,
    Decimal: lambda value, depth: {"$decimal": str(value)},
    uuid.UUID: lambda value, depth: {"$uuid": str(value)},
}

_DECODERS: dict[str, Callable[[Any], Any]] = {
    "$int": int,
    "$float": float,
    "$bytes": lambda text: base64.b64decode(text, validate=True),
    "$date": datetime.date.fromisoformat,
    "$time": lambda text: datetime.time.fromisoformat(_offset_for_z(text)),
    "$datetime": lambda text: datetime.datetime.fromisoformat(_offset_for_z(text)),
    "$decimal": Decimal,
    "$uuid": uuid.UUID,
    "$tuple": lambda items: tuple(decode(item) for item in items),
    "$set": lambda items: {decode(item) for item in items},
    "$frozenset": lambda items: frozenset(decode(item) for item in items),
    "$object": lambda pairs: {decode(key): decode(item) for key, item in pairs},
}


def _decode_tagged(tag: str, content: Any) -> Any:
    decoder = _DECODERS.get(tag)
    if decoder is None:
        raise ValueError(f"{tag!r} is not a tag of the protocol")
    try:
        return decoder(content)
    except (ValueError, TypeError, AttributeError, InvalidOperation, binascii.Error) as problem:
        raise ValueError(f"{tag} has a content that does not fit: {problem}") from None


def _offset_for_z(text: str) -> str:
    # Python 3.10 does not read the Z that JavaScript writes.
    return text[:-1] + "+00:00" if text.endswith("Z") else text


def _type_name(kind: type) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
