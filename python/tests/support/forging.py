"""Bodies that write to the socket of their own worker; workers import them by name."""

from __future__ import annotations

import json
import os
import random
import socket
import struct
import sys
import time
from typing import Any

STEERING = "\x1b]0;owned\x07\x1b[2J\r\x9b31m\u202e\x00"


def honest(value: str, seconds: float = 0.0) -> str:
    time.sleep(seconds)
    return value


def forge(seed: int, frames: int) -> str:
    """Sends so many frames that are not its to send, then returns as if nothing had happened."""
    rng = random.Random(seed)
    channel = own_socket()
    told = what_was_run()
    try:
        for _ in range(frames):
            channel.sendall(a_forgery(rng, told))
    except OSError:
        pass  # the engine has hung up
    return f"honest {seed}"


def own_socket() -> socket.socket:
    for name in os.listdir("/proc/self/fd"):
        try:
            found = socket.socket(fileno=os.dup(int(name)))
        except OSError:
            continue
        try:
            if str(found.getpeername()).endswith("engine.sock"):
                return found
        except OSError:
            pass
        found.close()
    raise LookupError("no socket of this worker leads to the engine")


def what_was_run() -> dict[str, Any]:
    """What the worker knows of this call, with the nonce that it keeps for its answer."""
    frame: Any = sys._getframe()
    while frame is not None:
        told = frame.f_locals.get("call")
        if isinstance(told, dict) and "callId" in told:
            return dict(told)
        frame = frame.f_back
    return {}


def encoded(header: Any, body: bytes = b"") -> bytes:
    data = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack(">II", len(data), len(body)) + data + body


def a_forgery(rng: random.Random, told: dict[str, Any]) -> bytes:
    """One frame, or what is none. Mostly without the nonce: with it, the first that makes sense is the outcome."""
    call: dict[str, Any] = {"callId": told.get("callId", "x-1"), "attempt": 1}
    if rng.random() < 0.1:
        call["nonce"] = told.get("nonce", "")
    elif rng.random() < 0.5:
        call["nonce"] = rng.choice(["", "n", None, 5, [], "\x00" * 36, told.get("nonce", "")[:-1] + "x"])
    if rng.random() < 0.4:
        stem, _, number = call["callId"].rpartition("-")
        call["callId"] = f"{stem}-{int(number) + rng.randint(-4, 6)}" if number.isdigit() else "x"
    ended = {"type": "ended", **call, "ending": an_ending(rng), "grownBytes": rng.choice([0, -1, "x", None, 1e30])}
    kind = rng.randrange(14)
    if kind < 7:
        return encoded(ended, rng.randbytes(rng.choice([0, 0, 8, 100_000])))
    if kind == 7:
        return encoded(ended) * rng.randint(2, 20)
    if kind == 8:
        hello = {"type": "hello", "protocol": 1, "worker": rng.randint(0, 9), "pid": os.getppid(), "token": "t"}
        return encoded(rng.choice([hello, {**hello, "guest": None}, {**hello, "guest": {"call": "x", "token": "y"}}]))
    if kind == 9:
        types = ["open-engine", "register", "end-run", "calls", "invite", "died", "reap", "run", STEERING, "__proto__"]
        return encoded({"type": rng.choice(types), "engine": "e", "worker": 1, "pid": os.getppid(), "id": 1})
    if kind == 10:
        return encoded({"type": "ended", **call, "ending": nested(rng.choice([10, 3_000]))})
    if kind == 11:
        wrong = rng.choice([b"", b"null", b"[]", b'{"type":5}', b"{", b"\xff\xfe", b'{"type":"ended"}', b"0"])
        return encoded(wrong, b"x")
    if kind == 12:
        cut = encoded(ended)
        return cut[: rng.randrange(1, len(cut))]
    return rng.choice([rng.randbytes(64), struct.pack(">II", 0xFFFFFFFF, 0), struct.pack(">II", 8, 0xFFFFFFFF)])


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth if depth < 900 else 900):
        value = [value]
    return value


def an_ending(rng: random.Random) -> Any:
    name = rng.choice([STEERING, "E" * 100_000, "ValueError", 5, None])
    error = rng.choice([{"name": name, "message": name, "stack": name}, None, {}, [], "x", {"name": "E"}])
    figure = rng.choice([1, -1, 1e300, "1", None, True])
    return rng.choice(
        [
            {"type": "returned", "digest": name, "preview": name},
            {"type": "raised", "error": error},
            {"type": "load-failed", "error": error},
            {"type": "not-run", "detail": name},
            {"type": "invalid", "detail": name},
            {"type": "cannot-move", "detail": name, "started": rng.choice([True, False, 1])},
            {"type": "too-large", "part": name, "observedBytes": figure, "limitBytes": figure, "started": False},
            {"type": "expired", "observedMs": figure},
            {"type": "crashed", "signal": name, "exitCode": figure},
            {"type": "over-quota", "quota": rng.choice(["cpu", "constructor", 5]), "observed": figure, "limit": figure},
            {"type": "cancelled", "detail": name, "body": rng.choice(["not-started", "toString", 5])},
            {"type": "shared", "ending": {"type": "shared"}},
            {"type": "answered", "digest": "d", "preview": None, "by": "ledger"},
            {"type": "deadlocked", "caps": figure},
            {"type": STEERING},
            name,
        ]
    )
