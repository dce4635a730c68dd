import { inspect } from "node:util";
import { show } from "../util/duration.ts";
import { heedPromise } from "./heed.ts";
import type { Outcome } from "./outcome.ts";
import { textForModel } from "./text-for-model.ts";

/**
 * What a model reads of an outcome: the text of a failure, or the value with the outcome's notice. A value that is no string
 * is written as JSON. Past the tool's `maxResult` it is the size and the beginning; `outcome.value` has the whole.
 *
 * @throws TypeError for what is no outcome, such as its promise
 */
export function modelText(outcome: Outcome): string {
  const isOutcome = typeof outcome === "object" && outcome !== null && "status" in outcome;
  if (!isOutcome) throw new TypeError(`modelText takes the outcome of a call, got ${show(outcome)}`);
  const { tool, notice, maxResultBytes, ...rest } = outcome;
  const told = rest.status === "succeeded" ? textOf(rest.value, maxResultBytes) : { text: rest.failure.forModel };
  const { text } = textForModel(tool, told.text, maxResultBytes, told.isBeginning);
  return notice === null ? text : `${text}\n\n${notice}`;
}

interface Told {
  readonly text: string;
  /** The whole would be longer, and longer than the model reads. */
  readonly isBeginning?: boolean;
}

function textOf(value: unknown, maxBytes: number | null): Told {
  if (typeof value === "string") return { text: value };
  return jsonOf(value, maxBytes) ?? { text: inspected(value) };
}

/** Undefined where JSON cannot say it (a bigint, a cycle, a `toJSON` that throws) or would say nothing of it (an instance whose data is hidden). */
function jsonOf(value: unknown, maxBytes: number | null): Told | undefined {
  try {
    const beginning = new Beginning(maxBytes ?? Number.POSITIVE_INFINITY);
    const [seen] = beginning.withBytes([value]) as [unknown];
    const json = JSON.stringify(seen, (_key, part: unknown) => beginning.withBytes(beginning.readable(part)));
    const isHidden = json === "{}" && Object.getPrototypeOf(value) !== Object.prototype && !(value instanceof Map);
    return isHidden || json === undefined ? undefined : { text: json, isBeginning: beginning.isCut };
  } catch {
    return undefined;
  }
}

/** No more of a value than has room in a text: to write 2 MB of bytes would take a second. */
class Beginning {
  isCut = false;
  readonly #maxCharacters: number;
  /** In JSON each takes two characters or more. */
  #partsLeft: number;

  constructor(maxCharacters: number) {
    this.#maxCharacters = maxCharacters;
    this.#partsLeft = Math.ceil(maxCharacters / 2) + 1;
  }

  /** Also what JSON would write as `{}` although it holds data. */
  readable(part: unknown): unknown {
    if (part === undefined) return part; // takes no room
    this.#partsLeft -= 1;
    if (this.#partsLeft < 0) {
      this.isCut = true;
      return undefined;
    }
    if (typeof part === "string") return this.#firstOf(part, this.#maxCharacters);
    if (typeof part !== "object" || part === null) return part;
    heedPromise(part); // a getter may have made it just now
    if (part instanceof Map) {
      const entries = this.#taken(Map.prototype.entries.call(part)) as [unknown, unknown][];
      return entries.every(([key]) => typeof key === "string") ? Object.fromEntries(entries) : entries;
    }
    if (part instanceof Set) return this.#taken(Set.prototype.values.call(part));
    if (part instanceof Error) return { ...part, name: part.name, message: part.message };
    if (part instanceof URLSearchParams || part instanceof RegExp) return String(part);
    const isList = Array.isArray(part) || (ArrayBuffer.isView(part) && !(part instanceof DataView));
    return isList ? this.#firstOf(part as unknown as Sliceable, this.#partsLeft + 1) : part;
  }

  /** Buffers in it are written here: their own `toJSON`, which is asked before `readable`, makes a list of all their bytes. */
  withBytes(part: unknown): unknown {
    if (typeof part !== "object" || part === null || ArrayBuffer.isView(part) || !holdsBuffer(part)) return part;
    let room = this.#partsLeft;
    const written = (value: unknown): unknown => {
      if (!Buffer.isBuffer(value)) return value;
      const data = [...this.#firstOf(value, room)];
      room -= data.length;
      return { type: "Buffer", data };
    };
    if (Array.isArray(part)) return part.map(written);
    return Object.fromEntries(Object.entries(part).map(([key, value]) => [key, written(value)]));
  }

  #firstOf<Whole extends Sliceable>(whole: Whole, most: number): Whole {
    if (whole.length <= most) return whole;
    this.isCut = true;
    return whole.slice(0, most) as Whole;
  }

  #taken(all: Iterable<unknown>): unknown[] {
    const taken: unknown[] = [];
    for (const each of all) {
      if (taken.length > this.#partsLeft) {
        this.isCut = true;
        break;
      }
      taken.push(each);
    }
    return taken;
  }
}

/** Runs no getter: what it made would be nobody's. */
function holdsBuffer(part: object): boolean {
  const isBuffer = (value: unknown): boolean => Buffer.isBuffer(value);
  if (Array.isArray(part)) return Object.values(part).some(isBuffer);
  return Object.keys(part).some((key) => isBuffer(Reflect.getOwnPropertyDescriptor(part, key)?.value));
}

interface Sliceable {
  readonly length: number;
  slice(start: number, end: number): unknown;
}

function inspected(value: unknown): string {
  try {
    return inspect(value);
  } catch {
    return "a value without a text form";
  }
}
