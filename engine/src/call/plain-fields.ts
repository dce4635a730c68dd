import { types } from "node:util";

const MAX_FIELDS = 20;
const MAX_DEPTH = 3;
/** Of all texts and names together. */
const MAX_CHARACTERS = 4_000;

/** Plain data, as it can cross processes. */
export type PlainData =
  | null
  | boolean
  | number
  | string
  | readonly PlainData[]
  | { readonly [name: string]: PlainData };

/**
 * A copy of the data in an object's own fields, for the developer: at most 20 a level, three levels, 4,000 characters. What is no plain data, or cannot
 * be read, is left out.
 *
 * @returns undefined where there is nothing. Never throws
 */
export function plainFields(
  value: object,
  without: ReadonlySet<string>,
): Readonly<Record<string, PlainData>> | undefined {
  if (ArrayBuffer.isView(value) || types.isBoxedPrimitive(value)) return undefined; // a key for each byte or letter
  try {
    const fields = copyFields(value, 0, { characters: MAX_CHARACTERS }, without);
    return Object.keys(fields).length === 0 ? undefined : fields;
  } catch {
    return undefined; // a proxy
  }
}

interface Room {
  characters: number;
}

function copyFields(
  value: object,
  depth: number,
  left: Room,
  without?: ReadonlySet<string>,
): Readonly<Record<string, PlainData>> {
  const entries: [string, PlainData][] = [];
  for (const key of Object.keys(value)) {
    if (without?.has(key)) continue;
    if (entries.length >= MAX_FIELDS || left.characters <= key.length) break;
    const copied = copyOf(value, key, depth, left);
    if (copied === undefined) continue;
    left.characters -= key.length;
    entries.push([key, copied]);
  }
  return Object.fromEntries(entries);
}

function copyOf(holder: object, key: string | number, depth: number, left: Room): PlainData | undefined {
  try {
    return copy((holder as Record<string | number, unknown>)[key], depth, left);
  } catch {
    return undefined; // a getter or a proxy that throws
  }
}

function copy(value: unknown, depth: number, left: Room): PlainData | undefined {
  switch (typeof value) {
    case "string":
      return cut(value, left);
    case "number":
    case "boolean":
      return value;
    case "bigint":
      return cut(String(value), left);
    case "object":
      return value === null ? null : copyObject(value, depth, left);
    default:
      return undefined;
  }
}

function copyObject(value: object, depth: number, left: Room): PlainData | undefined {
  if (value instanceof Date || value instanceof URL) return cut(String(value.toJSON()), left);
  if (depth >= MAX_DEPTH) return undefined;
  if (Array.isArray(value)) {
    const items: PlainData[] = [];
    for (let index = 0; index < Math.min(value.length, MAX_FIELDS) && left.characters > 0; index += 1) {
      items.push(copyOf(value, index, depth + 1, left) ?? null);
    }
    return items;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null ? copyFields(value, depth + 1, left) : undefined;
}

function cut(text: string, left: Room): string {
  const shown = text.length > left.characters ? `${text.slice(0, Math.max(0, left.characters))}…` : text;
  left.characters -= shown.length;
  return shown;
}
