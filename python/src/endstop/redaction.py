"""Secret values out of the texts that Python makes where no engine can (engine/src/call/redaction.ts does it else).

`protocol/vectors/redaction.json` holds both to the same results.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from endstop._options import SECRET_NAMES

REDACTED = "***"
_ALL = "*"
_SHORT_CHARACTERS = 4
_LONG_NAME_CHARACTERS = 5
_MAX_SECRETS = 1_000
_MAX_SECRET_CHARACTERS = 50_000
_MAX_VALUES = 200_000
"""So many are looked at, so that an input of any size takes a moment."""
_MAX_NAME_CHARACTERS = 64
_NAMED_VALUE = re.compile(
    r"""(["']?)(?<![A-Za-z0-9_-])([A-Za-z0-9_-]+)\1(\s*[:=]\s*)("(?:[^"\\]|\\.)*(?:"|$)|'(?:[^'\\]|\\.)*(?:'|$)"""
    r"""|(?:Bearer|Basic|Token)\s+[^\s,;"']+|[^\s,;&}\])"']+)""",
    re.IGNORECASE,
)
_BORDERS = (re.compile(r"([a-z0-9])([A-Z])"), re.compile(r"([A-Z])([A-Z][a-z])"))
_BETWEEN_WORDS = re.compile(r"[\W_]+")


def names_to_redact(limits: Mapping[str, Any]) -> tuple[str, ...]:
    """What the limits in force for a tool, as they go over the wire, say of secret names."""
    return tuple(limits.get("redact", SECRET_NAMES))


@lru_cache(10_000)
def is_secret_name(name: str, redact: tuple[str, ...]) -> bool:
    """Whether the values of a field of this name are secret."""
    return any(secret == _ALL or _matches(_words(name), _words(secret)) for secret in redact)


def _words(name: str) -> list[str]:
    for border in _BORDERS:
        name = border.sub(r"\1 \2", name)
    return [word for word in _BETWEEN_WORDS.split(name.lower()) if word]


def _matches(name: list[str], secret: list[str]) -> bool:
    whole, joined = "".join(secret), "".join(name)
    if f" {' '.join(secret)} " in f" {' '.join(name)} ":
        return True
    return joined == whole or (len(whole) >= _LONG_NAME_CHARACTERS and joined.endswith(whole))


def secrets_of(value: Any, redact: Sequence[str]) -> list[str]:
    """The secret values of an input, encoded or not, as they would stand in a text, longest first."""
    names = tuple(redact)
    found: set[str] = set()
    left = deque([(value, _ALL in names)] if names else [])  # what is near the top comes first
    looked_at = 0
    while left and len(found) < _MAX_SECRETS and looked_at < _MAX_VALUES:
        part, is_secret = left.popleft()
        looked_at += 1
        if isinstance(part, dict):
            if is_secret and isinstance(part.get("$bytes"), str):
                left.append((_decoded(part["$bytes"]), True))
            left += [(item, is_secret or is_secret_name(str(key), names)) for key, item in list(part.items())]
        elif isinstance(part, (list, tuple, set, frozenset)):
            left += [(item, is_secret) for item in list(part)]
        elif is_secret and isinstance(part, (bytes, bytearray)):
            left.append((part.decode(errors="replace"), True))
        elif is_secret and isinstance(part, (str, int, float)) and not isinstance(part, bool) and part != "":
            text = str(part)[:_MAX_SECRET_CHARACTERS]
            found |= {text, json.dumps(text, ensure_ascii=False)[1:-1]}
    return sorted(found, key=len, reverse=True)


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text).decode(errors="replace")
    except (binascii.Error, ValueError):
        return ""


def redact_text(text: str, secrets: Iterable[str], redact: Sequence[str]) -> str:
    """Without secret values: those of the input, and those that stand in it beside a secret name."""
    names = tuple(redact)
    for secret in secrets:
        text = _without(text, secret)
    if _ALL in names or (":" not in text and "=" not in text):
        return text

    def hidden(found: re.Match[str]) -> str:
        quote, name, between, value = found.groups()
        if not is_secret_name(name[-_MAX_NAME_CHARACTERS:], names) or REDACTED in value:
            return found[0]
        mark = value[0] if value[0] in "\"'" else ""
        return f"{quote}{name}{quote}{between}{mark}{REDACTED}{mark}"

    return _NAMED_VALUE.sub(hidden, text)


def _without(text: str, secret: str) -> str:
    if len(secret) < _SHORT_CHARACTERS:
        return re.sub(rf"(?<![^\W_]){re.escape(secret)}(?![^\W_])", REDACTED, text)
    text = text.replace(secret, REDACTED)
    # A text that was cut may end in the middle of a secret.
    end = len(text) - text.endswith("…")
    for length in range(min(len(secret) - 1, end), _SHORT_CHARACTERS - 1, -1):
        if text.startswith(secret[:length], end - length):
            return f"{text[: end - length]}{REDACTED}{text[end:]}"
    return text


def redact_error(error: Mapping[str, Any], secrets: Sequence[str], redact: Sequence[str]) -> dict[str, Any]:
    """A description of an exception, with its causes."""
    clean = {**error, **{key: redact_text(error[key], secrets, redact) for key in ("message", "stack")}}
    if error.get("cause") is not None:
        clean["cause"] = redact_error(error["cause"], secrets, redact)
    return clean
