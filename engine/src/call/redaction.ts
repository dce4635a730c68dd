import { randomBytes } from "node:crypto";
import { types } from "node:util";
import type { Ending } from "./ending.ts";
import { textHash } from "./fingerprint.ts";
import type { ErrorInfo } from "./outcome.ts";
import { withoutFigures } from "./result.ts";

/** What stands for a value that is written nowhere. */
export const REDACTED = "***";
/** Every field, and every result. */
const ALL = "*";
/** Shorter values are found as whole words only. */
const SHORT_CHARACTERS = 4;
/** A shorter name is not looked for at the end of a word: `auth` is no part of `author`, but `token` is of `accesstoken`. */
const LONG_NAME_CHARACTERS = 5;
const MAX_KNOWN_NAMES = 10_000;
const MAX_SECRETS = 1_000;
/** So many are looked at, so that an input of any size takes a moment. */
const MAX_VALUES = 200_000;
/** Of a word that may be a name, the last are looked at. */
const MAX_NAME_CHARACTERS = 64;
/** A name is looked for where a word begins, or a long word would be read again from each of its letters. `"name": "value"`, `name=value`, `Authorization: Bearer value`. */
const NAMED_VALUE =
  /(["']?)(?<![\w-])([\w-]+)\1(\s*[:=]\s*)("(?:[^"\\]|\\.)*(?:"|$)|'(?:[^'\\]|\\.)*(?:'|$)|(?:Bearer|Basic|Token)\s+[^\s,;"']+|[^\s,;&}\])"']+)/gi;

/** Not for other processes: two messages that differ in a secret are told apart, and none can be guessed from its digest. */
const KEY = randomBytes(32).toString("base64");

type Names = readonly string[];

/** What is secret by a list of names, and what was found of names that were asked about. */
interface Answers {
  readonly secrets: readonly Words[];
  readonly of: Map<string, boolean>;
}

/** The words of a name, with spaces around them, and without any. */
interface Words {
  readonly spaced: string;
  readonly joined: string;
}

const known = new WeakMap<Names, Answers>();

/** Whether the values of a field of this name are secret. */
export function isSecretName(name: string, redact: Names): boolean {
  return redact.length > 0 && isSecretIn(answersOf(redact), name, redact);
}

/** Those asked for last: mostly they are asked for again. */
let last: { readonly redact: Names; readonly answers: Answers } | undefined;

function answersOf(redact: Names): Answers {
  if (last?.redact === redact) return last.answers;
  let answers = known.get(redact);
  if (!answers) {
    answers = { secrets: redact.map(wordsOf), of: new Map() };
    known.set(redact, answers);
  }
  last = { redact, answers };
  return answers;
}

function isSecretIn({ secrets, of }: Answers, name: string, redact: Names): boolean {
  let answer = of.get(name);
  if (answer === undefined) {
    const letters = lettersOf(name.toLowerCase());
    // Few names have the letters of a secret one: only their words are looked at.
    const alike = secrets.filter((secret) => letters.includes(secret.joined));
    answer = redactsAll(redact) || alike.some((secret) => matches(wordsOf(name), secret));
    if (of.size >= MAX_KNOWN_NAMES) of.clear();
    of.set(name, answer);
  }
  return answer;
}

/** Whether nothing of an input whose fields have these names, in lists, is secret. */
export function hidesNothing(names: readonly Names[], redact: Names): boolean {
  if (redact.length === 0) return true;
  const answers = answersOf(redact);
  for (const list of names) for (const name of list) if (isSecretIn(answers, name, redact)) return false;
  return !redactsAll(redact);
}

export function redactsAll(redact: Names): boolean {
  return redact.includes(ALL);
}

function wordsOf(name: string): Words {
  const cased = name.replace(/([a-z0-9])([A-Z])/g, "$1 $2").replace(/([A-Z])([A-Z][a-z])/g, "$1 $2");
  const spaced = ` ${cased
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim()} `;
  return { spaced, joined: spaced.replaceAll(" ", "") };
}

function lettersOf(text: string): string {
  return text.replace(/[^\p{L}\p{N}]+/gu, "");
}

function matches(name: Words, secret: Words): boolean {
  if (name.spaced.includes(secret.spaced)) return true;
  const { joined } = secret;
  return name.joined === joined || (joined.length >= LONG_NAME_CHARACTERS && name.joined.endsWith(joined));
}

/** The values of an input, encoded or not, that are secret, as they would stand in a text, longest first. */
export function secretsOf(input: unknown, redact: Names): readonly string[] {
  if (input === undefined || redact.length === 0) return NONE;
  const found = collect(input, redact, answersOf(redact));
  return found.size === 0 ? NONE : [...found].sort((a, b) => b.length - a.length);
}

const NONE: readonly string[] = Object.freeze([]);

/** Level by level: of an input that is too large to look at in whole, what is near the top is found. */
function collect(input: unknown, redact: Names, answers: Answers): Set<string> {
  const found = new Set<string>();
  const values: unknown[] = [input];
  const flags: boolean[] = [redactsAll(redact)];
  for (let at = 0; at < values.length && at < MAX_VALUES && found.size < MAX_SECRETS; at++) {
    const value = values[at];
    const isSecret = flags[at] === true;
    if (typeof value !== "object" || value === null) {
      if (isSecret) addTexts(found, value);
    } else if (ArrayBuffer.isView(value)) {
      if (isSecret) addTexts(found, Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString());
    } else if (types.isBoxedPrimitive(value)) {
      if (isSecret) addTexts(found, value.valueOf());
    } else if (Array.isArray(value) || value instanceof Set)
      for (const item of withoutHoles(value)) enqueue(values, flags, item, isSecret);
    else if (value instanceof Map) {
      for (const [key, item] of value)
        enqueue(values, flags, item, isSecret || isSecretIn(answers, String(key), redact));
    } else {
      const fields = value as Readonly<Record<string, unknown>>;
      if (isSecret && typeof fields.$bytes === "string")
        enqueue(values, flags, Buffer.from(fields.$bytes, "base64").toString(), true);
      for (const key in fields)
        if (Object.hasOwn(fields, key))
          enqueue(values, flags, fields[key], isSecret || isSecretIn(answers, key, redact));
    }
  }
  return found;
}

/** A list may be billions of holes long. */
function withoutHoles(list: readonly unknown[] | ReadonlySet<unknown>): Iterable<unknown> {
  return Array.isArray(list) && list.length > MAX_VALUES ? Object.values(list) : list;
}

function enqueue(values: unknown[], flags: boolean[], value: unknown, isSecret: boolean): void {
  if (!isSecret && (typeof value !== "object" || value === null)) return;
  values.push(value);
  flags.push(isSecret);
}

function addTexts(found: Set<string>, value: unknown): void {
  if ((typeof value !== "string" && typeof value !== "number" && typeof value !== "bigint") || value === "") return;
  const text = String(value);
  found.add(text);
  found.add(JSON.stringify(text).slice(1, -1)); // as it stands inside quotes
}

/** A text without secret values: those of the input, and those that stand in it beside a secret name. */
export function redactText(text: string, secrets: readonly string[], redact: Names): string {
  const clean = withoutSecrets(text, secrets);
  if (!clean.includes(":") && !clean.includes("=")) return clean; // no name can stand before a value
  return clean.replace(NAMED_VALUE, (whole, quote: string, name: string, between: string, value: string) => {
    if (redactsAll(redact) || !isSecretName(name.slice(-MAX_NAME_CHARACTERS), redact) || value.includes(REDACTED))
      return whole;
    const mark = value.startsWith('"') ? '"' : value.startsWith("'") ? "'" : "";
    return `${quote}${name}${quote}${between}${mark}${REDACTED}${mark}`;
  });
}

/** The same without those of the input only. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  let clean = text;
  for (const secret of secrets) clean = without(clean, secret);
  return clean;
}

function without(text: string, secret: string): string {
  if (secret.length >= SHORT_CHARACTERS) return withoutBeginning(text.replaceAll(secret, REDACTED), secret);
  const escaped = secret.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return text.replace(new RegExp(`(?<![\\p{L}\\p{N}])${escaped}(?![\\p{L}\\p{N}])`, "gu"), REDACTED);
}

/** A text that was cut may end in the middle of a secret. */
function withoutBeginning(text: string, secret: string): string {
  const end = text.endsWith("…") ? text.length - 1 : text.length;
  for (let length = Math.min(secret.length - 1, end); length >= SHORT_CHARACTERS; length -= 1)
    if (text.startsWith(secret.slice(0, length), end - length))
      return `${text.slice(0, end - length)}${REDACTED}${text.slice(end)}`;
  return text;
}

/** An ending as it may be written down and told: its digest is that of the real values. */
export function redactEnding(ending: Ending, secrets: readonly string[], redact: Names): Ending {
  if (redact.length === 0) return ending;
  const clean = (text: string): string => redactText(text, secrets, redact);
  switch (ending.type) {
    case "returned":
    case "answered": {
      if (ending.preview === null) return ending;
      const preview = redactsAll(redact) ? null : clean(ending.preview);
      return preview === ending.preview ? ending : { ...ending, preview };
    }
    case "raised": {
      const error = redactError(ending.error, clean, redact);
      if (error.message === ending.error.message) return { ...ending, error };
      const digest = `raised ${error.name}: ${textHash(`${KEY}${withoutFigures(ending.error.message)}`)}`;
      return { ...ending, error, digest };
    }
    case "load-failed":
      return { ...ending, error: redactError(ending.error, clean, redact) };
    case "not-run":
    case "invalid":
    case "cancelled":
    case "cannot-move":
      return { ...ending, detail: clean(ending.detail) };
    default:
      return ending;
  }
}

function redactError(error: ErrorInfo, clean: (text: string) => string, redact: Names): ErrorInfo {
  const { message, stack, code, status, fields, cause, errors } = error;
  return {
    ...error,
    message: clean(message),
    stack: clean(stack),
    ...(typeof code === "string" ? { code: clean(code) } : {}),
    ...(typeof status === "string" ? { status: clean(status) } : {}),
    ...(fields ? { fields: redactFields(fields, clean, redact) } : {}),
    ...(cause ? { cause: redactError(cause, clean, redact) } : {}),
    ...(errors ? { errors: errors.map((each) => redactError(each, clean, redact)) } : {}),
  };
}

function redactFields(
  fields: object,
  clean: (text: string) => string,
  redact: Names,
): { readonly [name: string]: unknown } {
  const parts = Object.entries(fields).map(([name, value]) => [
    name,
    isSecretName(name, redact) ? REDACTED : redactPart(value, clean, redact),
  ]);
  return Object.fromEntries(parts);
}

function redactPart(value: unknown, clean: (text: string) => string, redact: Names): unknown {
  if (typeof value === "string") return clean(value);
  if (Array.isArray(value)) return value.map((item) => redactPart(item, clean, redact));
  return typeof value === "object" && value !== null ? redactFields(value, clean, redact) : value;
}
