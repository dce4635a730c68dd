/** Nesting past this depth cannot be encoded. */
export const MAX_DEPTH = 100;

/** A value, or a part of it, has no lossless JSON form. The message names the part. */
export class UnencodableError extends TypeError {
  override readonly name = "UnencodableError";
}

/** JSON with the tags of protocol/README.md, "Values". */
export type Encoded = null | boolean | number | string | readonly Encoded[] | { readonly [key: string]: Encoded };

/**
 * Encodes a value without loss: what JSON would change carries a tag. `undefined` properties are left out, as JSON does.
 *
 * @param path names the value in an error
 * @throws UnencodableError for functions, symbols, class instances, lone surrogates, cycles and deep nesting
 */
export function encodeValue(value: unknown, path = "input", depth = 0): Encoded {
  switch (typeof value) {
    case "string":
      if (!value.isWellFormed()) throw new UnencodableError(`${path} has a lone surrogate`);
      return value;
    case "boolean":
      return value;
    case "number":
      return encodeNumber(value);
    case "bigint":
      return Number.isSafeInteger(Number(value)) ? Number(value) : { $int: value.toString() };
    case "object":
      return value === null ? null : encodeObject(value, path, depth);
    default:
      throw new UnencodableError(`${path} is ${typeof value}, which has no JSON form`);
  }
}

function encodeNumber(value: number): Encoded {
  if (Number.isNaN(value)) return { $float: "nan" };
  if (!Number.isFinite(value)) return { $float: value > 0 ? "inf" : "-inf" };
  return Object.is(value, -0) ? { $float: "-0.0" } : value;
}

function encodeObject(value: object, path: string, depth: number): Encoded {
  if (depth >= MAX_DEPTH) throw new UnencodableError(`${path} is nested deeper than ${MAX_DEPTH}`);
  if (Array.isArray(value)) return value.map((item, index) => encodeValue(item, `${path}[${index}]`, depth + 1));
  if (value instanceof Date && !Number.isNaN(value.getTime())) return { $datetime: value.toISOString() };
  if (value instanceof Uint8Array)
    return { $bytes: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64") };
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new UnencodableError(`${path} is a ${value.constructor?.name ?? "class instance"}, which has no JSON form`);
  }
  const entries = Object.entries(value)
    .filter(([, part]) => part !== undefined)
    .map(([key, part]): [string, Encoded] => [key, encodeValue(part, `${path}.${key}`, depth + 1)]);
  if (!entries.some(([key]) => key.startsWith("$"))) return Object.fromEntries(entries);
  const sorted = entries.sort(([a], [b]) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  return { $object: sorted };
}
