import { types } from "node:util";
import { heedPromise } from "./heed.ts";

const PREVIEW_CHARACTERS = 200;

/** The start of a result as text, for messages; null where it has no text form. No more of it is looked at than is shown. */
export function previewOf(value: unknown): string | null {
  try {
    if (typeof value === "number" && Number.isFinite(value)) return String(value);
    const text = typeof value === "string" ? value : startOfJson(value, PREVIEW_CHARACTERS + 1);
    if (text === undefined) return null;
    return text.length > PREVIEW_CHARACTERS ? `${text.slice(0, PREVIEW_CHARACTERS - 1)}…` : text;
  } catch {
    return null; // a bigint, a toJSON or a getter that throws: the preview is a convenience
  }
}

/** At least the first `characters` of what `JSON.stringify` writes, or all of it. */
function startOfJson(value: unknown, characters: number): string | undefined {
  if (typeof value === "string") return JSON.stringify(value.slice(0, characters));
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  heedPromise(value); // a getter may have made it just now
  if (types.isBoxedPrimitive(value)) return startOfJson(value.valueOf(), characters);
  if (types.isTypedArray(value) && value.length > characters)
    return startOfJson(beginningOf(value, characters), characters);
  if ("toJSON" in value && typeof value.toJSON === "function") return startOfJson(value.toJSON(), characters);
  return Array.isArray(value)
    ? startOfArray(value, characters)
    : startOfObject(value as Readonly<Record<string, unknown>>, characters);
}

/** Of the same kind, and of the same memory. Each of its numbers takes a character at least. */
function beginningOf(numbers: NodeJS.TypedArray, length: number): NodeJS.TypedArray {
  return numbers.subarray(0, length);
}

function startOfArray(items: readonly unknown[], characters: number): string {
  let json = "[";
  for (const item of items) {
    if (json.length >= characters) return json;
    if (json.length > 1) json += ",";
    json += startOfJson(item, characters - json.length) ?? "null";
  }
  return `${json}]`;
}

function startOfObject(value: Readonly<Record<string, unknown>>, characters: number): string {
  let json = "{";
  for (const key of Object.keys(value)) {
    if (json.length >= characters) return json;
    const part = startOfJson(value[key], characters - json.length);
    if (part === undefined) continue; // as JSON leaves out what is undefined, a function or a symbol
    json += `${json.length > 1 ? "," : ""}${JSON.stringify(key)}:${part}`;
  }
  return `${json}}`;
}
