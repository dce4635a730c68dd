"""What the engine keeps of a result of this process, to answer other calls with it."""

from __future__ import annotations

import pickle
from typing import Any

from endstop import frames, values


def pickle_if_lossless(value: Any, max_bytes: int) -> bytes:
    """The value as a pickle; empty if it is larger, or would not come back as it is.

    Lossless is what the protocol can encode: plain data. An object of a class may hold what a copy would not have.
    """
    try:
        values.encode(value, "result")
    except values.Unencodable:
        return b""
    pickled = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    return pickled if len(pickled) <= min(max_bytes, frames.MAX_BODY_BYTES) else b""
