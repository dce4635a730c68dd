import { types } from "node:util";
import { deserialize, serialize } from "node:v8";

/** A step on the way from the root of a value to one of its parts. */
interface Part {
  readonly value: object;
  readonly key: string;
  readonly parent: Part | undefined;
}

/**
 * The bytes of a value's structured clone, for the way to another process. What that would refuse, or give empty, is refused by name: functions,
 * symbols, promises, generators, `Response`, `Headers`, streams, and every other object whose state does not stand in its own properties. A class
 * instance that says by `toJSON` what it is goes as that (a `URL` as its text), another as a plain object of its own properties; `URLSearchParams` go
 * as text. An error keeps name, message, stack and cause.
 *
 * @param root names the value in an error
 * @throws Error that says which part cannot be cloned, and whatever a getter or a `toJSON` throws
 */
export function cloneToBytes(value: unknown, root: string): Uint8Array {
  if (isFlat(value)) return Buffer.from(JSON.stringify(value));
  if (!needsCopy(value, root)) return serialize(value);
  return serialize(copyOf(value, new Map()));
}

/** What {@link cloneToBytes} made. @throws whatever V8 or `JSON.parse` throws for what it has not made */
export function fromBytes(bytes: Uint8Array): unknown {
  return bytes[0] === CLONE_TAG
    ? deserialize(bytes)
    : JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString());
}

/** With this V8's clones begin, and no text of JSON. */
const CLONE_TAG = 0xff;
const MAX_FLAT_CHARACTERS = 10_000;

/**
 * Whether it is a text, a number, … or an object of these, as most inputs and results are: JSON loses nothing of it, and costs a quarter of a clone. No
 * part of it can stand there twice.
 */
function isFlat(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return isFlatPart(value);
  if (Object.getPrototypeOf(value) !== Object.prototype || types.isProxy(value) || "toJSON" in value) return false;
  let characters = 0;
  for (const key in value) {
    const part: unknown = (value as Readonly<Record<string, unknown>>)[key];
    if (!isFlatPart(part) || !Object.hasOwn(value, key)) return false;
    characters += key.length + (typeof part === "string" ? part.length : 1);
    if (characters > MAX_FLAT_CHARACTERS) return false;
  }
  return characters > 0;
}

function isFlatPart(value: unknown): boolean {
  switch (typeof value) {
    case "string":
      return value.length <= MAX_FLAT_CHARACTERS;
    case "number":
      return Number.isFinite(value) && !Object.is(value, -0);
    case "boolean":
      return true;
    default:
      return value === null;
  }
}

/** What a toJSON gives goes as it is: it is asked once, as `JSON.stringify` does. */
const INSTEAD = ".toJSON()";

/** Whether some part goes as something else. */
function needsCopy(value: unknown, name: string): boolean {
  let found = false;
  const seen = new Set<object>();
  const stack: Part[] = [];
  const visit = (value: unknown, key: string, parent: Part | undefined): void => {
    if (typeof value !== "object" || value === null || seen.has(value)) return;
    seen.add(value);
    stack.push({ value, key, parent });
  };
  visit(value, name, undefined);
  for (let part = stack.pop(); part; part = stack.pop()) {
    const { value } = part;
    if (isCloned(value)) continue;
    const instead = part.key === INSTEAD ? undefined : insteadOf(value);
    if (instead) {
      found = true;
      visit(instead.as, INSTEAD, part);
    } else if (types.isMap(value)) {
      for (const [key, item] of value) {
        visit(key, ".key", part);
        visit(item, ".value", part);
      }
    } else if (types.isSet(value)) {
      for (const item of value) visit(item, ".item", part);
    } else {
      const lost = Array.isArray(value) ? undefined : whatIsLost(value);
      if (lost !== undefined)
        throw new TypeError(`${pathOf(part)} is a ${lost}, of which a structured clone keeps nothing`);
      const entries = Object.entries(value);
      for (const [key, item] of entries)
        if (typeof item === "object") visit(item, Array.isArray(value) ? `[${key}]` : `.${key}`, part);
    }
  }
  return found;
}

/** What V8 clones whole, or as Node writes it. */
function isCloned(value: object): boolean {
  return (
    ArrayBuffer.isView(value) ||
    types.isDate(value) ||
    types.isRegExp(value) ||
    types.isNativeError(value) ||
    types.isAnyArrayBuffer(value) ||
    types.isBoxedPrimitive(value) ||
    value instanceof DOMException
  );
}

/** What a class instance goes as, if not as its own properties. */
export function insteadOf(value: object): { readonly as: unknown } | undefined {
  if (isPlain(value)) return undefined;
  if (value instanceof URL || value instanceof URLSearchParams) return { as: String(value) };
  const { toJSON } = value as { readonly toJSON?: unknown };
  if (typeof toJSON !== "function" || platformClass(value) !== undefined || isOfNode(value)) return undefined;
  return { as: toJSON.call(value) };
}

/** Whether Node has a way of its own to copy it inside one process, such as a `BlockList`. */
function isOfNode(value: object): boolean {
  try {
    return !isPlain(structuredClone(value));
  } catch {
    return false; // it holds a function, for one
  }
}

function isPlain(value: object): boolean {
  if (Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

/** Of an object of which nothing would arrive, what it is; its state is in no property that a copy has. */
export function whatIsLost(value: object): string | undefined {
  const platform = isPlain(value) ? undefined : platformClass(value);
  if (platform !== undefined) return platform;
  if (Object.keys(value).length > 0) return undefined;
  if (!isPlain(value)) return nameOf(value);
  return Reflect.ownKeys(value).length > 0 ? "object with hidden properties only" : undefined;
}

function nameOf(value: object): string {
  return value.constructor?.name || Object.prototype.toString.call(value).slice("[object ".length, -1);
}

/** The class of the platform, such as Response, that an object is of or extends: its state stands in no property. */
function platformClass(value: object): string | undefined {
  for (
    let prototype = Object.getPrototypeOf(value);
    prototype && prototype !== Object.prototype;
    prototype = Object.getPrototypeOf(prototype)
  ) {
    const { name } = (prototype.constructor ?? {}) as { readonly name?: string };
    if (name && (globalThis as Record<string, unknown>)[name] === prototype.constructor) return name;
  }
  return undefined;
}

function pathOf({ key, parent }: Part): string {
  return parent ? pathOf(parent) + key : key;
}

function copyOf(value: unknown, copies: Map<object, unknown>, isInstead = false): unknown {
  if (typeof value !== "object" || value === null || isCloned(value)) return value;
  if (copies.has(value)) return copies.get(value);
  const text = isInstead ? undefined : insteadOf(value);
  if (text) {
    copies.set(value, value);
    const copy = copyOf(text.as, copies, true);
    copies.set(value, copy);
    return copy;
  }
  if (types.isMap(value)) {
    const copy = new Map<unknown, unknown>();
    copies.set(value, copy);
    for (const [key, item] of value) copy.set(copyOf(key, copies), copyOf(item, copies));
    return copy;
  }
  if (types.isSet(value)) {
    const copy = new Set<unknown>();
    copies.set(value, copy);
    for (const item of value) copy.add(copyOf(item, copies));
    return copy;
  }
  const copy: object = Array.isArray(value) ? new Array(value.length) : {};
  copies.set(value, copy);
  for (const [key, item] of Object.entries(value))
    Object.defineProperty(copy, key, {
      value: copyOf(item, copies),
      enumerable: true,
      writable: true,
      configurable: true,
    });
  return copy;
}
