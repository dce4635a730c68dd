"""A program that speaks the engine's side of the protocol on its standard streams, well or badly, as it is told.

`engine_that(behaviour, …)` is the command that starts it. It uses nothing of the package: its frames are its own.
"""

from __future__ import annotations

import json
import os
import struct
import sys
import time
from typing import Any


def engine_that(*behaviour: object) -> list[str]:
    return [sys.executable, "-S", "-E", __file__, *map(str, behaviour)]


def read() -> dict[str, Any]:
    """The next header; ends the program at the end of the stream, as the engine does."""
    lengths = sys.stdin.buffer.read(8)
    if len(lengths) < 8:
        os._exit(0)
    header_bytes, body_bytes = struct.unpack("!II", lengths)
    header: dict[str, Any] = json.loads(sys.stdin.buffer.read(header_bytes))
    sys.stdin.buffer.read(body_bytes)
    return header


def write(header: dict[str, Any], body: bytes = b"") -> None:
    head = json.dumps(header).encode()
    write_raw(struct.pack("!II", len(head), len(body)) + head + body)


def write_raw(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def next_call() -> dict[str, Any]:
    while (header := read())["type"] != "call":
        if header.get("again"):  # it remembers nothing
            write({"type": "refused", "about": "ended", "id": header["id"], "message": "no such call is open"})
    return header


def admit(call: dict[str, Any], placement: str = "host") -> None:
    write({"type": "admitted", "id": call["id"], "callId": f"c{call['id']}", "attempt": 1, "placement": placement,
           "timeoutMs": call.get("timeoutMs"), "cancelGraceMs": 500})  # fmt: skip


def settle(call_id: int, tool: str = "echo") -> None:
    write({"type": "outcome", "id": call_id, "outcome": {
        "status": "succeeded", "callId": f"c{call_id}", "tool": tool, "path": [tool], "elapsedMs": 1, "attempts": 1,
        "placement": "host", "notice": None}})  # fmt: skip


def serve() -> None:
    """Admits every call, and believes every ending."""
    while True:
        header = read()
        if header["type"] == "call":
            admit(header)
        elif header["type"] == "ended":
            settle(header["id"])


def behave(behaviour: str, arguments: list[str]) -> None:
    if behaviour == "ends at once":
        sys.exit(3)
    if behaviour == "hangs":
        time.sleep(60)
    hello = read()
    assert hello["type"] == "hello", hello
    if behaviour == "prints":
        write_raw(b"(node:1) Warning: something is deprecated\n")
    if behaviour == "speaks another version":
        write({"type": "refused", "about": "hello", "message": "expected hello with protocol 2"})
    write({"type": "ready", "protocol": 1, "version": "0", "pid": os.getpid()})
    if behaviour == "ends at every call":
        next_call()
        os._exit(4)
    if behaviour == "ends at the first call, once" and not os.path.exists(arguments[0]):
        next_call()
        open(arguments[0], "w").close()
        os._exit(4)
    if behaviour == "ends after admission":
        admit(next_call())
        os._exit(5)
    if behaviour == "sends raw after admission":
        admit(next_call())
        write_raw(bytes.fromhex(arguments[0]))
        if arguments[1] == "and waits":
            time.sleep(60)
        while read()["type"] != "ended":
            pass
        os._exit(0)
    if behaviour == "refuses":
        call = next_call()
        write({"type": "refused", "about": "call", "id": call["id"], "message": "it makes no sense"})
    if behaviour == "admits in reverse":
        for call in reversed([next_call() for _ in range(int(arguments[0]))]):
            admit(call)
    if behaviour == "answers twice":
        call = next_call()
        admit(call)
        while read()["type"] != "ended":
            pass
        settle(call["id"])
        settle(call["id"], "late")
        settle(424242, "never asked")
    serve()


if __name__ == "__main__":
    behave(sys.argv[1], sys.argv[2:])
