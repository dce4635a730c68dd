import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { digestOf, fingerprint, readInput } from "./fingerprint.ts";
import { encodeValue } from "./values.ts";

interface Vector {
  readonly name: string;
  /** A JavaScript expression, or null where JavaScript has no such value. */
  readonly javascript: string | null;
  readonly encoded?: unknown;
  /** The part that has no lossless form. */
  readonly unencodable?: string;
}

const fingerprintOf = (tool: string, input: unknown) => fingerprint(tool, encodeValue(input));

const vectors: Vector[] = JSON.parse(
  readFileSync(new URL("../../../protocol/vectors/values.json", import.meta.url), "utf8"),
);

describe("encodeValue", () => {
  const inJavaScript = vectors.filter(({ javascript }) => javascript !== null);
  it.each(inJavaScript)("takes $name as the protocol says", ({ javascript, encoded, unencodable }) => {
    const value: unknown = new Function(`return (${javascript})`)();
    if (unencodable === undefined) expect(encodeValue(value)).toEqual(encoded);
    else expect(() => encodeValue(value)).toThrow(unencodable);
  });

  it("reads at least ten vectors", () => expect(inJavaScript.length).toBeGreaterThan(10));

  it("names the part that cannot be encoded", () => {
    expect(() => encodeValue({ items: [1, { run: () => 1 }] })).toThrow("input.items[1].run is function");
    expect(() => encodeValue({ at: new Map() })).toThrow("input.at is a Map");
    expect(() => encodeValue("\ud800")).toThrow("lone surrogate");
  });

  it("refuses cycles and deep nesting instead of overflowing the stack", () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    expect(() => encodeValue(cycle)).toThrow("nested deeper than 100");
  });
});

describe("fingerprint", () => {
  it("does not see key order", () => {
    expect(fingerprint("t", { a: 1, b: { c: 2, d: 3 } })).toBe(fingerprint("t", { b: { d: 3, c: 2 }, a: 1 }));
  });

  it("tells apart what JSON alone would make equal", () => {
    const inputs = [1234567890123456789n, 1234567890123456780n, "1", 1, Number.NaN, null, -0, 0, [], {}];
    expect(new Set(inputs.map((input) => fingerprintOf("t", input))).size).toBe(inputs.length);
    expect(fingerprintOf("t", 1)).not.toBe(fingerprintOf("u", 1));
  });

  it("is none for an input that cannot be encoded", () => {
    expect(readInput({ f: () => 1 })).toEqual({ given: expect.anything() });
    expect(digestOf(Symbol("s"))).toBeNull();
  });

  it("is equal exactly where the encoded values are equal", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        const same = JSON.stringify(sortKeys(encodeValue(a))) === JSON.stringify(sortKeys(encodeValue(b)));
        expect(fingerprintOf("t", a) === fingerprintOf("t", b)).toBe(same);
      }),
    );
  });
});

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return { entries: entries.map(([key, part]) => [key, sortKeys(part)]) };
}
