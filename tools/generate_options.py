"""The files made from protocol/options.json: the options of a policy in both languages, and their page."""

from __future__ import annotations

import json
import re
from typing import Any

from tools.steps import StepFailed

ORIGIN = "Generated from protocol/options.json by `dev gen`; do not edit."
PRESETS = ("lenient", "standard", "strict")
LEVELS = ("engine", "agent", "tool", "call")
KINDS = ("duration", "size", "count", "flag", "choice", "rate", "names")
KEYS = ("kind", "levels", "choices", "nullable", "default", "byKind", "where", "min", "max", "excludes", "doc")
OPTIONAL_KEYS = {"choices", "byKind", "where", "min", "max", "excludes"}
UNITS = {"duration": "Ms", "size": "Bytes"}
"""Kinds that can also be given as a number with the unit in the option's name."""

LIMITS_INTRODUCTION = """\
Every limit, where it can be given, and what holds when nobody says anything. A nearer place wins: engine, then agent,
then tool, then call.

In TypeScript a duration is a text such as `"30s"`, or milliseconds under the name with `Ms`; a size is a text such as
`"256MB"`, or bytes under the name with `Bytes`. In Python a duration is a number of seconds or such a text, a size a
number of bytes or such a text. `null` and `None` take a limit away. An unknown name is refused, with the nearest known
one.""".splitlines()

Options = dict[str, dict[str, Any]]

PYTHON_DICTIONARIES = {
    "ToolOptions": ("tool", "The limits of one tool; docs/limits.md says what each bounds."),
    "AgentOptions": ("agent", "The limits of all tools of one agent."),
    "EngineOptions": ("engine", "The limits of an engine, and of every tool where nothing nearer says else."),
}


def check_options(options: Options) -> None:
    """Raises StepFailed for an entry that cannot be."""
    for name, entry in options.items():

        def require(holds: bool, what: str, name: str = name) -> None:
            if not holds:
                raise StepFailed(f"reading protocol/options.json, {name}", f"Correct the entry: {what}.")

        require(re.fullmatch(r"[a-z]+([A-Z][a-z]*)*", name) is not None, "a name is camelCase")
        require(list(entry) == [key for key in KEYS if key in entry], f"its keys are {', '.join(KEYS)}, in this order")
        require(set(KEYS) - set(entry) <= OPTIONAL_KEYS, f"it lacks {set(KEYS) - set(entry)}")
        require(entry["kind"] in KINDS, f"kind is one of {', '.join(KINDS)}")
        require(entry.get("where", "host") in ("host", "worker"), "where is host or worker")
        require(entry["kind"] == "count" or not {"min", "max"} & set(entry), "only a count has min and max")
        require(set(entry.get("excludes", {})) <= set(options), "excludes has names of options, each with the reason")
        require(("choices" in entry) == (entry["kind"] == "choice"), "a choice, and only a choice, has choices")
        require(entry["levels"] == [level for level in LEVELS if level in entry["levels"]], "levels are in order")
        defaults = entry["default"].values() if isinstance(entry["default"], dict) else [entry["default"]]
        require(entry["nullable"] or None not in defaults, "only a nullable option defaults to null")
        kinds = options["kind"]["choices"][1:]
        of_kinds = entry.get("byKind", dict.fromkeys(kinds, dict.fromkeys(PRESETS)))
        require(list(of_kinds) == kinds, f"byKind has {', '.join(kinds)}, in this order")
        require(all(tuple(each) == PRESETS for each in of_kinds.values()), "byKind has one default a preset")
        require(not isinstance(entry["default"], dict) or tuple(entry["default"]) == PRESETS, "one default a preset")


def typescript_options(options: Options) -> str:
    lines = [
        f"// {ORIGIN}",
        "",
        f"export type Preset = {_union(PRESETS)};",
        "",
        f"export type Level = {_union(LEVELS)};",
        "",
        "/** Starts per window of time. */",
        "export interface Rate {",
        "  readonly starts: number;",
        "  readonly windowMs: number;",
        "}",
    ]
    interfaces = {
        "CallPolicyOptions": ("call", "What one call may say of its limits."),
        "PolicyOptions": (
            "tool",
            "The limits of one tool. What is left out comes from its agent's, then the engine's.",
        ),
        "AgentOptions": ("agent", "The limits of all tools of one agent."),
        "EngineLimitOptions": ("engine", "The limits of an engine, and of every tool where nothing nearer says else."),
    }
    for interface, (level, doc) in interfaces.items():
        lines += ["", f"/** {doc} */", f"export interface {interface} {{"]
        for name, entry in options.items():
            if level in entry["levels"]:
                lines += _typescript_fields(name, entry)
        lines.append("}")
    lines += ["", "/** Every option compiled: all known, units in the names. */", "export interface Policy {"]
    for name, entry in options.items():
        null = " | null" if entry["nullable"] else ""
        lines.append(f"  readonly {compiled_name(name, entry)}: {_compiled_type(entry)}{null};")
    lines += [
        "}",
        "",
        "export interface OptionEntry {",
        f"  readonly kind: {_union(KINDS)};",
        "  readonly levels: readonly Level[];",
        "  readonly nullable: boolean;",
        "  readonly choices?: readonly string[];",
        "  /** One for all presets, or one for each. */",
        "  readonly default: unknown;",
        "  /** The default of tools whose `kind` is not ordinary. */",
        "  readonly byKind?: Readonly<Record<string, Readonly<Record<Preset, unknown>>>>;",
        "  /** It bounds bodies there only. */",
        '  readonly where?: "host" | "worker";',
        "  /** Of a count: at least 1 if nothing is said. */",
        "  readonly min?: number;",
        "  readonly max?: number;",
        "  /** Flags that one tool cannot have beside it, each with the reason. */",
        "  readonly excludes?: Readonly<Record<string, string>>;",
        "}",
        "",
        "export const OPTIONS: Readonly<Record<string, OptionEntry>> = {",
    ]
    for name, entry in options.items():
        told = {key: value for key, value in entry.items() if key != "doc"}
        lines.append(f"  {name}: {json.dumps(told)},")
    return "\n".join([*lines, "};", ""])


def compiled_name(name: str, entry: dict[str, Any]) -> str:
    """The name of the compiled value, as it also goes over the wire."""
    return name + UNITS.get(entry["kind"], "")


def _union(words: Any) -> str:
    return " | ".join(json.dumps(word) for word in words)


def _given_type(entry: dict[str, Any]) -> str:
    units = {"duration": "string", "size": "string", "rate": "string"}
    return units.get(entry["kind"]) or _compiled_type(entry)


def _compiled_type(entry: dict[str, Any]) -> str:
    types = {
        "duration": "number",
        "size": "number",
        "rate": "Rate",
        "count": "number",
        "flag": "boolean",
        "names": "readonly string[]",
    }
    return types.get(entry["kind"]) or _union(entry["choices"])


def _typescript_fields(name: str, entry: dict[str, Any]) -> list[str]:
    null = " | null" if entry["nullable"] else ""
    lines = [
        f"  /** {entry['doc']} Default {described_default(entry)}. */",
        f"  readonly {name}?: {_given_type(entry)}{null} | undefined;",
    ]
    if entry["kind"] in UNITS:
        unit = {"duration": "milliseconds", "size": "bytes"}[entry["kind"]]
        lines += [
            f"  /** The same in {unit}. Give one of the two. */",
            f"  readonly {compiled_name(name, entry)}?: number{null} | undefined;",
        ]
    return lines


def described_default(entry: dict[str, Any]) -> str:
    default = entry["default"]
    if not isinstance(default, dict):
        return _shown(default)
    return ", ".join(f"{_shown(value)} ({preset})" for preset, value in default.items())


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "none" if value is None or value == [] else str(value)


def python_name(name: str) -> str:
    return re.sub(r"[A-Z]", lambda match: "_" + match[0].lower(), name)


def python_options(options: Options) -> str:
    lines = [
        f"# {ORIGIN}",
        '"""The options of a policy: what they are called here and on the wire, and what they may be."""',
        "",
        "from __future__ import annotations",
        "",
        "from collections.abc import Mapping, Sequence",
        "from dataclasses import dataclass",
        "from types import MappingProxyType",
        "from typing import Literal, TypedDict",
        "",
    ]
    for dictionary, (level, doc) in PYTHON_DICTIONARIES.items():
        lines += ["", f"class {dictionary}(TypedDict, total=False):", f'    """{doc}"""', ""]
        for name, entry in options.items():
            if level in entry["levels"]:
                null = " | None" if entry["nullable"] else ""
                lines.append(f"    {python_name(name)}: {_python_type(entry)}{null}")
        lines.append("")
    lines += [
        "",
        "@dataclass(frozen=True)",
        "class Option:",
        '    """`wire` is the name of the value on the wire, in its unit. `levels`: where it may be given.',
        "",
        "    `where`: it bounds bodies there only. `min` and `max` are of counts. `excludes`: what one tool cannot",
        "    have beside it, with the reason.",
        '    """',
        "",
        "    name: str",
        "    wire: str",
        "    kind: str",
        "    levels: tuple[str, ...]",
        "    nullable: bool",
        "    choices: tuple[str, ...]",
        "    where: str | None",
        "    min: int",
        "    max: int | None",
        "    excludes: tuple[tuple[str, str], ...]",
        "",
        "",
        "_TABLE = (",
    ]
    for name, entry in options.items():
        lines.append("    Option(")
        values = {
            "name": python_name(name),
            "wire": compiled_name(name, entry),
            "kind": entry["kind"],
            "levels": tuple(entry["levels"]),
            "nullable": entry["nullable"],
            "choices": tuple(entry.get("choices", ())),
            "where": entry.get("where"),
            "min": entry.get("min", 1),
            "max": entry.get("max"),
            "excludes": tuple((python_name(other), why) for other, why in entry.get("excludes", {}).items()),
        }
        lines += [f"        {key}={_python(value)}," for key, value in values.items()]
        lines.append("    ),")
    lines += [
        ")",
        "",
        "OPTIONS: Mapping[str, Option] = MappingProxyType({option.name: option for option in _TABLE})",
        "",
        "SECRET_NAMES = (",
        *(f"    {_python(name)}," for name in options["redact"]["default"]),
        ")",
        '"""The default of `redact`."""',
        "",
        "TIMEOUT_MS: Mapping[str, Mapping[str, float | None]] = {",
        *(f"    {json.dumps(kind)}: {_milliseconds(of_presets)}," for kind, of_presets in _timeouts(options).items()),
        "}",
        '"""The default of `timeout` by kind of tool and preset; None is no deadline."""',
        "",
        f"MAX_RESULT_BYTES: Mapping[str, int] = {_sizes(options['maxResult']['default'])}",
        '"""The default of `max_result` by preset."""',
        "",
    ]
    return "\n".join(lines)


def _timeouts(options: Options) -> dict[str, dict[str, str | None]]:
    return {"ordinary": options["timeout"]["default"], **options["timeout"]["byKind"]}


def _milliseconds(of_presets: dict[str, str | None]) -> str:
    known = {
        preset: None if text is None else int(text.removesuffix("s")) * 1_000 for preset, text in of_presets.items()
    }
    return "{" + ", ".join(f"{json.dumps(preset)}: {figure}" for preset, figure in known.items()) + "}"


def _sizes(of_presets: dict[str, str]) -> str:
    units = {"kB": 1_000, "MB": 1_000_000}
    known = {preset: int(text[:-2]) * units[text[-2:]] for preset, text in of_presets.items()}
    return "{" + ", ".join(f"{json.dumps(preset)}: {figure}" for preset, figure in known.items()) + "}"


def _python_type(entry: dict[str, Any]) -> str:
    types = {
        "duration": "float | str",
        "size": "int | str",
        "rate": "str",
        "count": "int",
        "flag": "bool",
        "names": "Sequence[str]",
    }
    return types.get(entry["kind"]) or f"Literal[{', '.join(json.dumps(choice) for choice in entry['choices'])}]"


def _python(value: object) -> str:
    if isinstance(value, tuple):
        inner = ", ".join(_python(item) for item in value)
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    return json.dumps(value) if isinstance(value, str) else repr(value)


def limits_page(options: Options) -> str:
    lines = [
        f"<!-- {ORIGIN} -->",
        "",
        "# Limits",
        "",
        *LIMITS_INTRODUCTION,
        "",
        "| TypeScript | Python | at | lenient | standard | strict |",
        "|---|---|---|---|---|---|",
    ]
    for name, entry in options.items():
        default = entry["default"]
        defaults = default if isinstance(default, dict) else dict.fromkeys(PRESETS, default)
        cells = " | ".join(_shown(defaults[preset]) for preset in PRESETS)
        lines.append(f"| `{name}` | `{python_name(name)}` | {', '.join(entry['levels'])} | {cells} |")
    for name, entry in options.items():
        choices = f" One of {', '.join(f'`{choice}`' for choice in entry['choices'])}." if "choices" in entry else ""
        lines += ["", f"## {name}", "", entry["doc"] + choices + _bounds(entry)]
    return "\n".join([*lines, ""])


def _bounds(entry: dict[str, Any]) -> str:
    bounds = [f"at least {entry['min']}"] if "min" in entry else []
    bounds += [f"at most {entry['max']}"] if "max" in entry else []
    told = f" {' and '.join(bounds).capitalize()}." if bounds else ""
    return told + "".join(f" Not with `{other}`: {reason}." for other, reason in entry.get("excludes", {}).items())
