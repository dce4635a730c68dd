import { serialize } from "node:v8";

interface Part {
  readonly value: object;
  /** Of the root none. */
  readonly within: Part | undefined;
  readonly key: string;
}

/**
 * A value as the bytes of a structured clone, for another process. A URL and its query go as their texts, which is all they are. Instances of
 * classes arrive as plain objects of their fields.
 *
 * @param root names the value in an error
 * @throws TypeError that names the part which structured clone refuses, or of which nothing would arrive: a Response, a stream, a function; and
 * whatever a getter of the value throws
 */
export function cloneToBytes(value: unknown, root: string): Uint8Array {
  return serialize(holdsTexts(value, root) ? withTexts(value, new Map()) : value);
}

/** What is a text, though it is an object. */
export function textInstead(value: object): string | undefined {
  return value instanceof URL || value instanceof URLSearchParams ? String(value) : undefined;
}

/** Whether an instance's data is hidden, so that nothing of it is in its fields: it is of a class of the platform, or structured clone refuses it. */
export function isOpaque(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null || Object.keys(value).length > 0) return false;
  const its = value.constructor;
  if (typeof its === "function" && Reflect.get(globalThis, its.name) === its) return true;
  try {
    return Object.getPrototypeOf(structuredClone(value)) !== Object.prototype;
  } catch {
    return true;
  }
}

/** Looks at every object once, without recursion: a list may be longer than the stack. */
function holdsTexts(value: unknown, root: string): boolean {
  let found = false;
  const seen = new Set<object>();
  const open: Part[] = [];
  const add = (part: unknown, within: Part | undefined, key: string): void => {
    if (typeof part !== "object" || part === null || seen.has(part)) return;
    seen.add(part);
    open.push({ value: part, within, key });
  };
  add(value, undefined, root);
  for (let part = open.pop(); part; part = open.pop()) {
    const its = part.value;
    if (textInstead(its) !== undefined) found = true;
    else if (Array.isArray(its)) for (const [index, item] of its.entries()) add(item, part, `[${index}]`);
    else if (its instanceof Map) for (const each of [...its].flat(1)) add(each, part, ".(map)");
    else if (its instanceof Set) for (const item of its) add(item, part, ".(set)");
    else if (isCloned(its)) continue;
    else if (isOpaque(its)) throw new TypeError(`${pathOf(part)} is a ${its.constructor?.name ?? "class instance"}`);
    else for (const key of Object.keys(its)) add((its as Record<string, unknown>)[key], part, `.${key}`);
  }
  return found;
}

/** Has no parts, and arrives as what it is. */
function isCloned(value: object): boolean {
  return (
    ArrayBuffer.isView(value) ||
    value instanceof ArrayBuffer ||
    value instanceof Date ||
    value instanceof RegExp ||
    value instanceof Error ||
    value instanceof String ||
    value instanceof Number ||
    value instanceof Boolean
  );
}

function pathOf(part: Part): string {
  let path = "";
  for (let each: Part | undefined = part; each; each = each.within) path = each.key + path;
  return path;
}

/** @param copies what has been copied: shared parts and cycles stay */
function withTexts(value: unknown, copies: Map<object, unknown>): unknown {
  if (typeof value !== "object" || value === null || isCloned(value)) return value;
  const text = textInstead(value);
  if (text !== undefined) return text;
  if (copies.has(value)) return copies.get(value);
  if (Array.isArray(value)) {
    const items: unknown[] = new Array(value.length);
    copies.set(value, items);
    for (const [index, item] of value.entries()) items[index] = withTexts(item, copies);
    return items;
  }
  if (value instanceof Map) {
    const map = new Map<unknown, unknown>();
    copies.set(value, map);
    for (const [key, item] of value) map.set(withTexts(key, copies), withTexts(item, copies));
    return map;
  }
  if (value instanceof Set) {
    const set = new Set<unknown>();
    copies.set(value, set);
    for (const item of value) set.add(withTexts(item, copies));
    return set;
  }
  const fields: Record<string, unknown> = {};
  copies.set(value, fields);
  for (const [key, item] of Object.entries(value)) {
    Object.defineProperty(fields, key, {
      value: withTexts(item, copies),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return fields;
}
