import { deserialize, serialize } from "node:v8";

/** A value as bytes: each `restore` gives an equal value that shares nothing with the others. */
export interface Snapshot {
  /** JSON where that loses nothing, since it is read back several times as quickly; else what V8 serializes. */
  readonly form: "json" | "v8";
  readonly bytes: Uint8Array;
}

/** Deeper values are not looked into, and so not kept. */
const MAX_DEPTH = 100;

/**
 * Takes a snapshot of a value, or undefined if it would not come back as it was: it holds a function, a symbol, a class
 * instance, an accessor or hidden property, or is nested deeper than 100. What comes back unchanged: primitives, plain
 * objects, arrays without holes or names, `Date`, `Map`, `Set`, buffers and typed arrays; shared parts and cycles stay shared.
 */
export function takeSnapshot(value: unknown): Snapshot | undefined {
  try {
    if (!isLossless(value, 0, new Set())) return undefined;
    return isJson(value, new Set())
      ? { form: "json", bytes: Buffer.from(JSON.stringify(value)) }
      : { form: "v8", bytes: serialize(value) };
  } catch {
    return undefined; // a proxy whose traps throw, a buffer that was handed on
  }
}

export function restoreSnapshot({ form, bytes }: Snapshot): unknown {
  if (form === "v8") return deserialize(bytes);
  return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString());
}

/** Of what is lossless here: what JSON keeps as well. Nothing twice, since JSON would copy it, and no cycle. */
function isJson(value: unknown, seen: Set<object>): boolean {
  if (typeof value === "number") return Number.isFinite(value) && !Object.is(value, -0);
  if (typeof value !== "object" || value === null) return value !== undefined && typeof value !== "bigint";
  if (seen.has(value) || (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype)) return false;
  seen.add(value);
  return Object.values(value).every((part) => isJson(part, seen));
}

function isLossless(value: unknown, depth: number, seen: Set<object>): boolean {
  if (typeof value === "function" || typeof value === "symbol") return false;
  if (typeof value !== "object" || value === null || seen.has(value)) return true;
  if (depth >= MAX_DEPTH) return false;
  seen.add(value);
  const keep = (part: unknown): boolean => isLossless(part, depth + 1, seen);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (Array.isArray(value)) {
    return prototype === Array.prototype && hasOnlyPlainProperties(value, 1) && isDense(value) && value.every(keep);
  }
  if (prototype === Object.prototype) return hasOnlyPlainProperties(value, 0) && Object.values(value).every(keep);
  if (ArrayBuffer.isView(value)) return PLAIN_VIEWS.has(prototype) && value.buffer instanceof ArrayBuffer;
  if (prototype === Map.prototype) {
    return (
      hasNoProperties(value) && [...(value as Map<unknown, unknown>)].every(([key, its]) => keep(key) && keep(its))
    );
  }
  if (prototype === Set.prototype) return hasNoProperties(value) && [...(value as Set<unknown>)].every(keep);
  return (prototype === Date.prototype || prototype === ArrayBuffer.prototype) && hasNoProperties(value);
}

const PLAIN_VIEWS: ReadonlySet<unknown> = new Set(
  [
    Buffer,
    Int8Array,
    Uint8Array,
    Uint8ClampedArray,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    BigInt64Array,
    BigUint64Array,
    Float32Array,
    Float64Array,
    DataView,
  ].map(({ prototype }) => prototype),
);

/** Properties are read once here; a getter would run again, and could give something else. */
function hasOnlyPlainProperties(value: object, hidden: number): boolean {
  if (Object.getOwnPropertySymbols(value).length > 0) return false;
  const properties = Object.values(Object.getOwnPropertyDescriptors(value));
  return properties.filter((its) => !its.enumerable).length === hidden && properties.every((its) => "value" in its);
}

const hasNoProperties = (value: object): boolean => Reflect.ownKeys(value).length === 0;

const isDense = (value: readonly unknown[]): boolean => Object.keys(value).length === value.length;
