import { heedPromise } from "./heed.ts";
import { MAX_DEPTH, PART_SIZE } from "./values.ts";

/** The value is nothing that can be told at a glance: `encodeValue` and `canonicalJson` look closer. */
export const NOT_PLAIN = Symbol("not plain");

/** It is larger than may be looked at. */
export const TOO_LARGE = Symbol("too large");

const DOLLAR = 36;
const ZERO = 48;
const NINE = 57;
const UNDERSCORE = 95;

let sizeLeft = 0;

/**
 * The canonical JSON (RFC 8785) of a value that is plain JSON as it stands. `JSON.stringify` writes it, several times as fast as code of our own
 * could; only the keys that stand in another order are put into it before.
 *
 * @param maxSize as of `encodeValue`
 * @returns {@link NOT_PLAIN} for what needs a tag, cannot be encoded, or could come out otherwise; {@link TOO_LARGE}
 */
export function plainJson(
  value: unknown,
  maxSize = Number.POSITIVE_INFINITY,
): string | typeof NOT_PLAIN | typeof TOO_LARGE {
  sizeLeft = maxSize;
  const form = formOf(value, 0);
  if (sizeLeft < 0) return TOO_LARGE;
  if (form === NOT_PLAIN) return NOT_PLAIN;
  const json = JSON.stringify(form);
  // Only a lone surrogate is written so, or a text with these letters, which the slow way tells apart.
  return json.includes("\\ud") ? NOT_PLAIN : json;
}

/** The value itself, or a copy of what has its keys in another order. */
function formOf(value: unknown, depth: number): unknown {
  sizeLeft -= PART_SIZE;
  if (sizeLeft < 0) return NOT_PLAIN;
  switch (typeof value) {
    case "string":
      sizeLeft -= value.length;
      return value;
    case "boolean":
      return value;
    case "number":
      return Number.isFinite(value) && !Object.is(value, -0) ? value : NOT_PLAIN;
    case "object":
      if (value === null) return value;
      if (depth >= MAX_DEPTH || (value as { toJSON?: unknown }).toJSON !== undefined) return NOT_PLAIN;
      return Array.isArray(value) ? formOfArray(value, depth) : formOfObject(value as Entries, depth);
    default:
      return NOT_PLAIN;
  }
}

type Entries = Readonly<Record<string, unknown>>;

function formOfArray(items: readonly unknown[], depth: number): unknown {
  let forms: unknown[] | undefined;
  for (let index = 0; index < items.length; index += 1) {
    const item = items[index];
    const form = formOf(item, depth + 1);
    if (form === NOT_PLAIN) return NOT_PLAIN;
    if (form !== item) forms ??= items.slice(0, index);
    forms?.push(form);
  }
  return forms ?? items;
}

function formOfObject(value: Entries, depth: number): unknown {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    heedPromise(value); // a getter may have made it just now
    return NOT_PLAIN;
  }
  let isSorted = true;
  let before = "";
  let codeBefore = 0;
  let forms: Map<string, unknown> | undefined;
  // `Object.keys` would make a list for each object, which takes longer than all the rest.
  for (const key in value) {
    if (!Object.hasOwn(value, key)) continue;
    const code = key.charCodeAt(0) || 0; // an empty key has none
    // A key like a tag; a number, whose place among keys cannot be chosen; one that an assignment would not set.
    if (code === DOLLAR || (code >= ZERO && code <= NINE) || (code === UNDERSCORE && key === "__proto__"))
      return NOT_PLAIN;
    // Most keys differ in their first letter, and are followed by a text: to compare whole keys, and to call, takes longer.
    if (code < codeBefore || (code === codeBefore && before > key)) isSorted = false;
    codeBefore = code;
    before = key;
    sizeLeft -= key.length;
    const part = value[key];
    if (typeof part === "string") {
      sizeLeft -= PART_SIZE + part.length;
      if (sizeLeft < 0) return NOT_PLAIN;
      continue;
    }
    const form = formOf(part, depth + 1);
    if (form === NOT_PLAIN) return NOT_PLAIN;
    if (form === part) continue;
    forms ??= new Map();
    forms.set(key, form);
  }
  if (isSorted && !forms) return value;
  const ordered: Record<string, unknown> = {};
  for (const key of Object.keys(value).sort()) ordered[key] = forms?.has(key) ? forms.get(key) : value[key];
  return ordered;
}
