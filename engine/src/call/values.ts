import { heedPromise } from "./heed.ts";

/** Nesting past this depth cannot be encoded. */
export const MAX_DEPTH = 100;
/** To look at a part takes as long as at so many characters of a text, or longer. */
export const PART_SIZE = 16;

/** A value, or a part of it, has no lossless JSON form. The message names the part. */
export class UnencodableError extends TypeError {
  override readonly name = "UnencodableError";
}

/** No more of a value is looked at. */
export class TooLargeError extends UnencodableError {}

/** JSON with the tags of protocol/README.md, "Values". */
export type Encoded = null | boolean | number | string | readonly Encoded[] | { readonly [key: string]: Encoded };

/**
 * Encodes a value without loss: what JSON would change carries a tag. `undefined` properties are left out, as JSON does.
 * Each part is read once, and what comes back is a copy: a getter may give something else the next time, or throw.
 *
 * @param root names the value in an error
 * @param maxSize in characters, each part counted with {@link PART_SIZE} more: no more of the value is looked at
 * @throws UnencodableError for functions, symbols, class instances, lone surrogates, cycles and deep nesting, and past `maxSize`
 */
export function encodeValue(value: unknown, root = "input", maxSize = Number.POSITIVE_INFINITY): Encoded {
  return new Encoder(root, maxSize).encode(value);
}

/**
 * What `read` finds in an input. One that is plain is not copied (`readInput`): a getter of it gave a value when it was compared, and may throw now.
 *
 * @returns `otherwise` if it does
 */
export function foundIn<Found>(read: () => Found, otherwise: Found): Found {
  try {
    return read();
  } catch {
    return otherwise;
  }
}

class Encoder {
  readonly #root: string;
  /** Keys and indices from the root to the part in hand. */
  readonly #path: (string | number)[] = [];
  #sizeLeft: number;

  constructor(root: string, maxSize: number) {
    this.#root = root;
    this.#sizeLeft = maxSize;
  }

  encode(value: unknown): Encoded {
    this.#spend(PART_SIZE);
    switch (typeof value) {
      case "string":
        this.#spend(value.length);
        if (!value.isWellFormed()) throw this.#unencodable("has a lone surrogate");
        return value;
      case "boolean":
        return value;
      case "number":
        return encodeNumber(value);
      case "bigint":
        return Number.isSafeInteger(Number(value)) ? Number(value) : { $int: value.toString() };
      case "object":
        return value === null ? null : this.#encodeObject(value);
      default:
        throw this.#unencodable(`is ${typeof value}, which has no JSON form`);
    }
  }

  #encodeObject(value: object): Encoded {
    if (this.#path.length >= MAX_DEPTH) throw this.#unencodable(`is nested deeper than ${MAX_DEPTH}`);
    if (Array.isArray(value)) return this.#encodeArray(value);
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) return this.#encodeEntries(value as Entries);
    if (value instanceof Date && !Number.isNaN(value.getTime())) return { $datetime: value.toISOString() };
    if (value instanceof Uint8Array) {
      this.#spend(value.byteLength);
      return { $bytes: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64") };
    }
    heedPromise(value); // a getter may have made it just now
    throw this.#unencodable(`is a ${value.constructor?.name ?? "class instance"}, which has no JSON form`);
  }

  #encodeArray(items: readonly unknown[]): Encoded {
    const encoded: Encoded[] = [];
    for (let index = 0; index < items.length; index += 1) encoded.push(this.#encodePart(index, items[index]));
    return encoded;
  }

  #encodeEntries(value: Entries): Encoded {
    const entries: [string, Encoded][] = [];
    let hasTagLikeKey = false;
    for (const key of Object.keys(value)) {
      const part = value[key];
      if (part === undefined) continue;
      this.#spend(key.length);
      const encoded = this.#encodePart(key, part);
      hasTagLikeKey ||= key.startsWith("$");
      entries.push([key, encoded]);
    }
    if (hasTagLikeKey) return { $object: entries.sort(([a], [b]) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) };
    return Object.fromEntries(entries);
  }

  #encodePart(step: string | number, part: unknown): Encoded {
    this.#path.push(step);
    const encoded = this.encode(part);
    this.#path.pop();
    return encoded;
  }

  #spend(size: number): void {
    this.#sizeLeft -= size;
    if (this.#sizeLeft < 0) throw new TooLargeError(`${this.#root} passes the size that is looked at`);
  }

  #unencodable(problem: string): UnencodableError {
    const steps = this.#path.map((step) => (typeof step === "number" ? `[${step}]` : `.${step}`));
    return new UnencodableError(`${this.#root}${steps.join("")} ${problem}`);
  }
}

type Entries = Readonly<Record<string, unknown>>;

function encodeNumber(value: number): Encoded {
  if (Number.isNaN(value)) return { $float: "nan" };
  if (!Number.isFinite(value)) return { $float: value > 0 ? "inf" : "-inf" };
  return Object.is(value, -0) ? { $float: "-0.0" } : value;
}
