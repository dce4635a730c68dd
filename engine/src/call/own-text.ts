import { heedPromise } from "./heed.ts";
import { type Encoded, MAX_DEPTH, PART_SIZE } from "./values.ts";

/** The value is nothing that can be told at a glance: `encodeValue` looks closer. */
export const NOT_PLAIN = Symbol("not plain");

/** It is larger than may be looked at. */
export const TOO_LARGE = Symbol("too large");

/** Plain data as one text. */
export interface OwnText {
  /** Equal for data that is equal, whatever the order of keys, and only for such. */
  readonly text: string;
  /** The names of all its fields, in lists. */
  readonly names: readonly (readonly string[])[];
}

/**
 * A value that is plain JSON as it stands as a text for comparing, which stays in this engine's processes. To hash that takes a third of the time that
 * `JSON.stringify` and a hash take.
 *
 * @param maxSize as of `encodeValue`
 * @returns {@link NOT_PLAIN} for what needs a tag or cannot be encoded; {@link TOO_LARGE}
 */
export function ownText(
  value: unknown,
  maxSize = Number.POSITIVE_INFINITY,
): OwnText | typeof NOT_PLAIN | typeof TOO_LARGE {
  return atomText(value) ?? new Writer(maxSize, false).write(value);
}

/** The same for a value that is encoded. */
export function encodedText(value: Encoded): OwnText {
  const written = atomText(value) ?? new Writer(Number.POSITIVE_INFINITY, true).write(value);
  if (typeof written === "symbol") throw new Error("defect: an encoded value is not plain");
  return written;
}

/** Of a value without parts, which many results are. No list and no object begins like that. */
function atomText(value: unknown): OwnText | undefined {
  const isAtom = (typeof value === "number" && Number.isFinite(value)) || typeof value === "boolean" || value === null;
  return isAtom && !Object.is(value, -0) ? { text: `#${value}`, names: [] } : undefined;
}

/** How a part begins: one of these in the lowest three bits, and a number in the others. */
const STRING = 0; // its length
const NATURAL = 1; // itself
const DOUBLE = 2; // eight bytes follow
const LITERAL = 3; // 0 null, 1 false, 2 true
const ARRAY = 4; // its length
const OBJECT = 5; // its number of fields, whose names follow
const SAME_NAMES = 6; // an object with the names of the one before at its depth

/** What is larger is written as a double. */
const NATURALS = 2 ** 28;
/** Of one part, but for its text. */
const MAX_PART_BYTES = 16;
const SPARE_BYTES = 16_384;
/** So few are made a text sooner here than by the buffer. */
const FEW_BYTES = 32;
/** Names of more characters are not kept for the next value. */
const MAX_KEPT_CHARACTERS = 1_000;
const DOLLAR = 36;

const double = new Float64Array(1);
const bytesOfDouble = new Uint8Array(double.buffer);

/** Lent to one writer at a time: a getter may start another. */
let spare: Buffer | undefined;

/** The names of an object's fields. */
class Shape {
  /** In the order of the object. */
  readonly keys: readonly string[];
  /** Sorted by UTF-16 code units. */
  readonly names: readonly string[];
  readonly isSorted: boolean;
  /** Whether a name is like that of a tag. */
  readonly hasTag: boolean;
  readonly characters: number;

  constructor(keys: readonly string[]) {
    let isSorted = true;
    let hasTag = false;
    let characters = 0;
    let before = "";
    let codeBefore = 0;
    for (const key of keys) {
      const code = key.charCodeAt(0) || 0; // an empty name has none
      if (code === DOLLAR) hasTag = true;
      // Most names differ in their first letter: to compare whole ones takes longer.
      if (code < codeBefore || (code === codeBefore && key < before)) isSorted = false;
      characters += key.length;
      before = key;
      codeBefore = code;
    }
    this.keys = keys;
    this.names = isSorted ? keys : keys.toSorted();
    this.isSorted = isSorted;
    this.hasTag = hasTag;
    this.characters = characters;
  }
}

/** By depth: those of the value written last. Rows of a list, and inputs of a tool, mostly have the same. */
const lastShapes: (Shape | undefined)[] = [];

/** Writes lengths and numbers as bytes, and strings one after the other: to join strings is quick as long as nobody reads them. */
class Writer {
  readonly #isEncoded: boolean;
  readonly #names: (readonly string[])[] = [];
  /** By depth: of the object before. */
  readonly #shapes: Shape[] = [];
  #sizeLeft: number;
  #bytes: Buffer;
  #end = 0;
  #strings = "";

  /** @param isEncoded names may be tags, which nest deeper than what they stand for */
  constructor(maxSize: number, isEncoded: boolean) {
    this.#sizeLeft = maxSize;
    this.#isEncoded = isEncoded;
    this.#bytes = spare ?? Buffer.allocUnsafeSlow(SPARE_BYTES);
    spare = undefined;
  }

  write(value: unknown): OwnText | typeof NOT_PLAIN | typeof TOO_LARGE {
    const isPlain = this.#part(value, 0);
    if (this.#sizeLeft < 0) return TOO_LARGE;
    if (!isPlain || !this.#strings.isWellFormed()) return NOT_PLAIN;
    const text = this.#figures() + this.#strings;
    if (this.#bytes.length === SPARE_BYTES) spare = this.#bytes;
    return { text, names: this.#names };
  }

  #figures(): string {
    if (this.#end > FEW_BYTES) return this.#bytes.toString("latin1", 0, this.#end);
    let figures = "";
    for (let at = 0; at < this.#end; at += 1) figures += String.fromCharCode(this.#bytes[at] as number);
    return figures;
  }

  /** @returns false for what is not plain */
  #part(value: unknown, depth: number): boolean {
    this.#sizeLeft -= PART_SIZE;
    if (this.#sizeLeft < 0) return false;
    switch (typeof value) {
      case "string":
        this.#sizeLeft -= value.length;
        this.#string(value);
        return true;
      case "number":
        return this.#number(value);
      case "boolean":
        this.#begin(LITERAL, value ? 2 : 1);
        return true;
      case "object":
        if (value === null) {
          this.#begin(LITERAL, 0);
          return true;
        }
        if (depth >= MAX_DEPTH && !this.#isEncoded) return false;
        return Array.isArray(value) ? this.#array(value, depth) : this.#object(value as Entries, depth);
      default:
        return false;
    }
  }

  #string(text: string): void {
    this.#begin(STRING, text.length);
    this.#strings += text;
  }

  #number(value: number): boolean {
    if (value >= 0 && value < NATURALS && Number.isInteger(value) && !Object.is(value, -0)) {
      this.#begin(NATURAL, value);
      return true;
    }
    if (!Number.isFinite(value) || value === 0) return false;
    this.#begin(DOUBLE, 0);
    double[0] = value;
    for (let at = 0; at < 8; at += 1) this.#bytes[this.#end++] = bytesOfDouble[at] as number;
    return true;
  }

  #array(items: readonly unknown[], depth: number): boolean {
    if (items.length * PART_SIZE > this.#sizeLeft) {
      this.#sizeLeft = -1;
      return false;
    }
    this.#begin(ARRAY, items.length);
    for (let index = 0; index < items.length; index += 1) if (!this.#part(items[index], depth + 1)) return false;
    return true;
  }

  #object(value: Entries, depth: number): boolean {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) {
      heedPromise(value); // a getter may have made it just now
      return false;
    }
    const before = this.#shapes[depth];
    const guess = before ?? lastShapes[depth];
    const isKnown = guess !== undefined && hasKeys(value, guess.keys);
    const shape = isKnown ? guess : new Shape(Object.keys(value));
    this.#sizeLeft -= shape.characters;
    if (this.#sizeLeft < 0 || (shape.hasTag && !this.#isEncoded)) return false;
    if (before && (shape === before || isSame(shape.names, before.names))) this.#begin(SAME_NAMES, 0);
    else this.#writeNames(shape.names);
    if (shape !== before) {
      this.#shapes[depth] = shape;
      if (shape !== guess) lastShapes[depth] = shape.characters > MAX_KEPT_CHARACTERS ? undefined : shape;
    }
    if (isKnown && shape.isSorted) {
      // The engine of JavaScript knows where the fields are; by a list of names it looks for each.
      for (const key in value) if (!this.#part(value[key], depth + 1)) return false;
    } else for (const name of shape.names) if (!this.#part(value[name], depth + 1)) return false;
    return true;
  }

  #writeNames(names: readonly string[]): void {
    this.#begin(OBJECT, names.length);
    for (const name of names) this.#string(name);
    this.#names.push(names);
  }

  #begin(kind: number, figure: number): void {
    if (this.#end + MAX_PART_BYTES > this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes], this.#end * 2);
    let left = figure * 8 + kind;
    while (left > 127) {
      this.#bytes[this.#end++] = (left & 127) | 128;
      left >>>= 7;
    }
    this.#bytes[this.#end++] = left;
  }
}

type Entries = Readonly<Record<string, unknown>>;

/** Whether these are its keys, in this order. */
function hasKeys(value: Entries, keys: readonly string[]): boolean {
  let at = 0;
  // Faster than a list of its keys. An inherited one is none of those.
  for (const key in value) if (keys[at++] !== key) return false;
  return at === keys.length;
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, at) => name === b[at]);
}
