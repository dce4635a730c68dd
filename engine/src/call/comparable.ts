import { heedPromise } from "./heed.ts";
import { MAX_DEPTH, UnencodableError } from "./values.ts";

/** Parts of a value that are looked at. */
const MAX_PARTS = 30_000;

/**
 * A value as plain data that stands for it in comparisons: `toJSON` of what has one, else what structured clone would keep. An instance without
 * fields that can be seen has no such form, since two of them could differ: a Response, a class with private fields only.
 *
 * @throws UnencodableError for those, functions, symbols, promises, and past depth and size; and whatever a getter of the value throws
 */
export function comparable(value: unknown): unknown {
  const comparing = new Comparing();
  const plain = comparing.plain(value);
  if (comparing.hidden !== undefined) throw new UnencodableError(`the result holds a ${comparing.hidden}`);
  return plain;
}

class Comparing {
  /** Names what it holds that has no such form. The rest is looked at all the same: see {@link heed}. */
  hidden: string | undefined;
  readonly #path: object[] = [];
  #parts = 0;

  plain(value: unknown): unknown {
    this.#parts += 1;
    if (this.#parts > MAX_PARTS) throw new UnencodableError("the result has too many parts");
    if (typeof value === "string") return value.isWellFormed() ? value : { $text: JSON.stringify(value) };
    if (value === undefined) return { $undefined: true };
    if (typeof value !== "object" || value === null) return value;
    const above = this.#path.indexOf(value);
    if (above >= 0) return { $above: this.#path.length - above };
    if (this.#path.length >= MAX_DEPTH) throw new UnencodableError(`the result is nested deeper than ${MAX_DEPTH}`);
    this.#path.push(value);
    const plain = this.#plainObject(value);
    this.#path.pop();
    return plain;
  }

  #plainObject(value: object): unknown {
    if (Array.isArray(value)) return this.#items(value);
    if (value instanceof Date) return { $date: value.getTime() };
    if (ArrayBuffer.isView(value)) {
      return { $view: value.constructor.name, of: new Uint8Array(value.buffer, value.byteOffset, value.byteLength) };
    }
    if (value instanceof ArrayBuffer) return { $buffer: new Uint8Array(value) };
    if (value instanceof RegExp) return { $regexp: String(value) };
    if (value instanceof URLSearchParams) return { $query: String(value) };
    if ("toJSON" in value && typeof value.toJSON === "function") return { $json: this.plain(value.toJSON()) };
    if (value instanceof Map)
      return { $map: [...Map.prototype.entries.call(value)].map(([key, its]) => [this.plain(key), this.plain(its)]) };
    if (value instanceof Set) return { $set: [...Set.prototype.values.call(value)].map((part) => this.plain(part)) };
    if (value instanceof Error) return { $error: [value.name, value.message], ...this.#fields(value) };
    if (value instanceof String || value instanceof Number || value instanceof Boolean) return value.valueOf();
    const fields = this.#fields(value);
    if (Object.keys(fields).length > 0) return fields;
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) return fields;
    heedPromise(value);
    this.hidden = value.constructor?.name ?? "class instance";
    return null;
  }

  /** Holes too: there may be billions, and {@link MAX_PARTS} ends it. */
  #items(value: readonly unknown[]): unknown[] {
    const items: unknown[] = [];
    for (let index = 0; index < value.length; index += 1) items.push(this.plain(value[index]));
    return items;
  }

  #fields(value: object): Readonly<Record<string, unknown>> {
    const fields = Object.entries(value).filter(([, part]) => part !== undefined);
    return Object.fromEntries(fields.map(([key, part]) => [key, this.plain(part)]));
  }
}
