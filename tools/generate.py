"""`dev gen`: writes the files that are made from VERSION and the tables in protocol/, or finds those that are stale."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tools.generate_options import check_options, limits_page, python_options, typescript_options
from tools.steps import ROOT, StepFailed, say

ORIGIN = "Generated from protocol/codes.json by `dev gen`; do not edit."
VERSION_ORIGIN = "Generated from VERSION by `dev gen`; do not edit."
STATUSES = ("failed", "rejected", "timed-out", "cancelled", "killed", "lost")
KEYS = ["status", "retryable", "option", "meaning", "message", "forModel", "forModelRepeatable", "forModelNotStarted"]
OPTIONAL_KEYS = {"option", "forModelRepeatable", "forModelNotStarted"}
PLACEHOLDERS = {"tool", "limit", "observed", "detail", "retryAfter", "orWait"}


def generate() -> None:
    stale = _stale()
    for path, text in stale.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        say(f"wrote {path.relative_to(ROOT)}")
    if not stale:
        say("generated files are up to date")


def check_generated() -> None:
    stale = [str(path.relative_to(ROOT)) for path in _stale()]
    if stale:
        raise StepFailed(
            f"checking generated files ({', '.join(stale)})", "Run `python3 dev gen` and commit the result."
        )


def _stale() -> dict[Path, str]:
    version = _text_of(ROOT / "VERSION").strip()
    codes = json.loads(_text_of(ROOT / "protocol" / "codes.json"))
    for code, entry in codes.items():
        _check_entry(code, entry)
    options = json.loads(_text_of(ROOT / "protocol" / "options.json"))
    check_options(options)
    wanted: dict[Path, str] = {
        ROOT / "engine" / "src" / "call" / "codes.generated.ts": typescript_codes(codes),
        ROOT / "engine" / "src" / "util" / "version.generated.ts": (
            f'// {VERSION_ORIGIN}\nexport const version = "{version}";\n'
        ),
        ROOT / "python" / "src" / "endstop" / "_codes.py": python_codes(codes),
        ROOT / "python" / "src" / "endstop" / "_version.py": f'# {VERSION_ORIGIN}\n__version__ = "{version}"\n',
        ROOT / "docs" / "errors.md": error_page(codes),
        ROOT / "engine" / "src" / "policy" / "options.generated.ts": typescript_options(options),
        ROOT / "python" / "src" / "endstop" / "_options.py": python_options(options),
        ROOT / "docs" / "limits.md": limits_page(options),
    }
    for name, edit in (("package.json", _set_version), ("package-lock.json", _set_lock_version)):
        path = ROOT / "engine" / name
        wanted[path] = edit(_text_of(path), version)
    return {path: text for path, text in wanted.items() if not path.is_file() or _text_of(path) != text}


def _text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _set_version(text: str, version: str) -> str:
    return re.sub(r'"version": "[^"]*"', f'"version": "{version}"', text, count=1)


def _set_lock_version(text: str, version: str) -> str:
    # The lock names our own version twice, before any dependency: at the top and in its package "".
    return re.sub(r'"version": "[^"]*"', f'"version": "{version}"', text, count=2)


def _check_entry(code: str, entry: dict[str, Any]) -> None:
    def require(holds: bool, what: str) -> None:
        if not holds:
            raise StepFailed(f"reading protocol/codes.json, {code}", f"Correct the entry: {what}.")

    require(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) is not None, "a code is lower-case words joined by hyphens")
    expected = [key for key in KEYS if key in entry or key not in OPTIONAL_KEYS]
    require(list(entry) == expected, f"its keys are {', '.join(KEYS)}, in this order")
    require(entry["status"] in STATUSES, f"status is one of {', '.join(STATUSES)}")
    require(isinstance(entry["retryable"], bool), "retryable is true or false")
    texts = [entry["message"]]
    for key in ("forModel", "forModelRepeatable", "forModelNotStarted"):
        for_model = entry.get(key, {"host": "-", "worker": "-"})
        if isinstance(for_model, dict):
            require(set(for_model) == {"host", "worker"}, f"{key} is a text, or one text each for host and worker")
        texts += for_model.values() if isinstance(for_model, dict) else [for_model]
    require(isinstance(entry.get("option", ""), str), "option is the name of an option")
    for text in (entry["meaning"], *texts):
        require(isinstance(text, str) and text != "", "meaning, message and forModel are texts")
    for text in texts:
        unknown = set(re.findall(r"\{(\w*)\}", text)) - PLACEHOLDERS
        require(not unknown, f"unknown placeholder {sorted(unknown)}, known are {sorted(PLACEHOLDERS)}")


def typescript_codes(codes: dict[str, Any]) -> str:
    lines = [
        f"// {ORIGIN}",
        "",
        "/** The table about a code. Its texts name {tool}, {limit}, {observed}, {detail}, {retryAfter}, {orWait}. */",
        "export interface CodeEntry {",
        "  /** The status of an outcome that carries this code. */",
        f"  readonly status: {' | '.join(json.dumps(status) for status in STATUSES)};",
        "  /** Whether the same call, made again, can end otherwise. */",
        "  readonly retryable: boolean;",
        "  readonly meaning: string;",
        "  /** For the developer. */",
        "  readonly message: string;",
        "  /** The option that says where the limit is, unless the failure names another. */",
        "  readonly option?: string;",
        "  /** For the model, where a body may have had effects; two texts where the placement matters. */",
        "  readonly forModel: TextForModel;",
        "  /** Instead, of a tool that is readOnly or idempotent. */",
        "  readonly forModelRepeatable?: TextForModel;",
        "  /** Instead, where no body was started. */",
        "  readonly forModelNotStarted?: TextForModel;",
        "}",
        "",
        "export type TextForModel = string | { readonly host: string; readonly worker: string };",
        "",
        "/** A stable failure code. */",
        "export type Code =",
        *(f"  | {_literal(code)}" for code in codes),
    ]
    lines[-1] += ";"
    lines += ["", "export const codes: Readonly<Record<Code, CodeEntry>> = {"]
    for code, entry in codes.items():
        lines.append(f"  {_property(code)}: {{")
        for key, value in entry.items():
            if isinstance(value, dict):
                lines.append(f"    {key}: {{")
                lines += [f"      {_property(inner)}: {_literal(text)}," for inner, text in value.items()]
                lines.append("    },")
            else:
                lines.append(f"    {key}: {_literal(value)},")
        lines.append("  },")
    return "\n".join([*lines, "};", ""])


def _property(name: str) -> str:
    return name if name.isidentifier() else json.dumps(name)


def _literal(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def python_codes(codes: dict[str, Any]) -> str:
    lines = [
        f"# {ORIGIN}",
        '"""The one table of failure codes."""',
        "",
        "from __future__ import annotations",
        "",
        "from collections.abc import Mapping",
        "from dataclasses import dataclass",
        "from types import MappingProxyType",
        "",
        "",
        "@dataclass(frozen=True)",
        "class Code:",
        '    """What the table says about a code. Its texts name {tool}, {limit}, {observed}, {detail}, {retryAfter},',
        "    {orWait}.",
        "",
        "    `option` says where the limit is. Texts for the model: where a body may have had effects; of a tool that",
        "    is read-only or idempotent; where no body was started. They may differ between host and worker.",
        '    """',
        "",
    ]
    fields = {
        "code": "str",
        "status": "str",
        "retryable": "bool",
        "option": "str | None",
        "meaning": "str",
        "message": "str",
        "for_model_host": "str",
        "for_model_worker": "str",
        "repeatable_host": "str",
        "repeatable_worker": "str",
        "not_started": "str | None",
    }
    lines += [f"    {name}: {kind}" for name, kind in fields.items()]
    lines += ["", "", "_TABLE = ("]
    for code, entry in codes.items():
        split = _by_placement(entry["forModel"])
        repeatable = _by_placement(entry.get("forModelRepeatable", split))
        values = [code, entry["status"], entry["retryable"], _in_python(entry.get("option")), entry["meaning"]]
        values += [entry["message"], split["host"], split["worker"], repeatable["host"], repeatable["worker"]]
        values.append(entry.get("forModelNotStarted"))
        lines.append("    Code(")
        lines += [f"        {name}={_python_literal(value)}," for name, value in zip(fields, values, strict=True)]
        lines.append("    ),")
    lines += [")", "", "CODES: Mapping[str, Code] = MappingProxyType({entry.code: entry for entry in _TABLE})", ""]
    return "\n".join(lines)


def _in_python(option: str | None) -> str | None:
    return None if option is None else re.sub("(?=[A-Z])", "_", option).lower()


def _by_placement(text: str | dict[str, str]) -> dict[str, str]:
    return text if isinstance(text, dict) else {"host": text, "worker": text}


def _python_literal(value: object) -> str:
    return _literal(value) if isinstance(value, str) else repr(value)


def error_page(codes: dict[str, Any]) -> str:
    lines = [
        f"<!-- {ORIGIN} -->",
        "",
        "# Failure codes",
        "",
        "Every call that does not succeed has a failure with one of these codes.",
        "The codes are stable; the texts may get better.",
        "`{tool}`, `{limit}`, `{observed}`, `{detail}` and `{retryAfter}` stand for what the failure itself names,",
        "`{orWait}` for when a call that repeats itself may be made again.",
        "",
    ]
    for code, entry in codes.items():
        lines += [
            f"## {code}",
            "",
            entry["meaning"],
            "",
            f"- Status of the outcome: `{entry['status']}`",
            f"- Retryable: {'yes' if entry['retryable'] else 'no'}",
            f"- For the developer: {entry['message']}",
        ]
        if "option" in entry:
            lines.append(f"- Option: `{entry['option']}`")
        for key, when in (
            ("forModel", ""),
            ("forModelRepeatable", ", of a `readOnly` or `idempotent` tool"),
            ("forModelNotStarted", ", if no body was started"),
        ):
            if isinstance(entry.get(key), dict):
                lines += [f"- For the model{when}, from the {place}: {text}" for place, text in entry[key].items()]
            elif key in entry:
                lines.append(f"- For the model{when}: {entry[key]}")
        lines.append("")
    return "\n".join(lines)
