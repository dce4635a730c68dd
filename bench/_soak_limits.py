"""Limits of `dev soak` that no fault may undo: executors in turn, each with tools that may run three bodies."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from _soak_tools import Tool, note

from endstop import ToolExecutor

Judge = Callable[[ToolExecutor, Tool, str, dict[str, Any], str | None], None]
"""Makes a call, and says what it thinks of the outcome."""
LIMIT = 3
KEYS = 4
NOTHING_KNOWN = frozenset({"history-lost"})
COUNTED = Tool(note, 0, lambda _: {}, frozenset({"succeeded", "usage-limit"}) | NOTHING_KNOWN)
RATED = Tool(note, 0, lambda _: {}, frozenset({"succeeded", "rate-limit"}) | NOTHING_KNOWN)
KEYED = Tool(note, 0, lambda _: {}, frozenset({"succeeded", "usage-limit", "effect-unknown"}) | NOTHING_KNOWN)
TOOLS = {"counted": COUNTED, "rated": RATED, "keyed": KEYED, "counted_here": COUNTED, "keyed_here": KEYED}


class Limits:
    """`passed` names each limit that was passed, and each key that had two bodies."""

    def __init__(self, folder: Path) -> None:
        self.executors = 0
        self.passed: list[str] = []
        self._folder = folder

    def use_one(self, judge: Judge) -> None:
        """Asks for more than is allowed, and looks at how many bodies ran."""
        self.executors += 1
        folder = self._folder / str(self.executors)
        folder.mkdir()
        with ToolExecutor(rejections_to_end_agent=None, timeout_seconds=10) as executor:
            for name in TOOLS:
                placement = "host" if name.endswith("_here") else "worker"
                limit = {"rate_limit": f"{LIMIT}/1h"} if name == "rated" else {"max_calls": LIMIT}
                executor.register(note, name=name, placement=placement, **limit)
            for key in (each // 2 for each in range(2 * KEYS)):
                for name, tool in TOOLS.items():
                    self._ask(judge, executor, name, tool, folder, key)
        self.passed += self._passed(folder)
        shutil.rmtree(folder)

    def _ask(self, judge: Judge, executor: ToolExecutor, name: str, tool: Tool, folder: Path, key: int) -> None:
        arguments = {"folder": str(folder), "tool": name, "key": key}
        named = f"{name} {key}" if name.startswith("keyed") else None
        judge(executor, tool, name, arguments, named)

    def _passed(self, folder: Path) -> Iterator[str]:
        for file in folder.iterdir():
            keys = Counter(file.read_text(encoding="utf-8").split())
            if keys.total() > LIMIT:
                yield f"{file.name} ran {keys.total()} bodies, where {LIMIT} are allowed"
            if file.name.startswith("keyed") and keys and max(keys.values()) > 1:
                yield f"{file.name} ran {max(keys.values())} bodies for one key"
