import { describe, expect, it } from "vitest";
import { errorInfo } from "./error-info.ts";
import { digestOf } from "./fingerprint.ts";
import { previewOf } from "./preview.ts";
import { secretsOf } from "./redaction.ts";

/** A list that looks like a million objects, and counts how many of them were looked at. */
function counted(): { readonly items: unknown[]; readonly looks: () => number } {
  let looks = 0;
  const items = new Proxy(Array(1_000_000), {
    get: (target, key) => {
      if (typeof key === "symbol" || key === "length") return Reflect.get(target, key);
      looks += 1;
      return { id: Number(key), name: `row ${key}` };
    },
  });
  return { items, looks: () => looks };
}

describe("a large result", () => {
  it("is never compared, and hardly looked at", () => {
    const { items, looks } = counted();
    expect(digestOf({ items })).toBeNull();
    expect(looks()).toBe(0); // its length says enough
    for (const large of ["x".repeat(1_000_001), new Uint8Array(1_000_001), [{ text: "x".repeat(1_000_001) }]]) {
      expect(digestOf(large)).toBeNull();
    }
  });

  it("ends where it has more parts than anybody could count, or is a cycle", () => {
    let doubled: unknown = [0];
    for (let level = 0; level < 60; level += 1) doubled = [doubled, doubled];
    const cycle: unknown[] = [];
    cycle.push(cycle);
    for (const [endless, isCompared] of [
      [doubled, false],
      [cycle, true],
    ] as const) {
      expect(digestOf(endless) !== null).toBe(isCompared);
      expect(previewOf(endless)).toHaveLength(200);
    }
  });

  it("is looked at for a moment where it has a key for each byte or letter, or billions of holes", () => {
    const bytes = Buffer.alloc(1_000_000_000);
    const holes: unknown[] = [];
    holes[4e9] = { password: "secret" };
    const text = new String("x".repeat(100_000_000));
    for (const large of [bytes, new Float64Array(bytes.buffer), text, holes, { part: [bytes, text, holes] }]) {
      expect(digestOf(large)).toBeNull();
      expect(previewOf(large)).toHaveLength(200);
      expect(errorInfo(large)).toMatchObject({ stack: "" });
      expect(secretsOf({ password: bytes.subarray(0, 1), large }, ["password"])).toContain("\\u0000");
    }
    expect(secretsOf(holes, ["password"])).toEqual(["secret"]);
  });

  it("is compared up to about a megabyte", () => {
    const rows = Array.from({ length: 10_000 }, (_, id) => ({ id, name: `row ${id}` }));
    expect(digestOf(rows)).toBe(digestOf(structuredClone(rows)));
    expect(digestOf("x".repeat(999_000))).not.toBeNull();
  });

  it("has a preview for which no more of it is looked at than is shown", () => {
    const { items, looks } = counted();
    const preview = previewOf({ items });
    expect(preview).toMatch(/^\{"items":\[\{"id":0,"name":"row 0"\},\{"id":1,.*…$/);
    expect(preview).toHaveLength(200);
    expect(looks()).toBeLessThan(50);
  });
});

describe("a preview", () => {
  it("is what JSON.stringify writes, cut to 200 characters", () => {
    const values = [
      { a: [1, undefined, () => 1], b: undefined, c: new Date(0), d: { toJSON: () => "own" }, e: Number.NaN },
      [[], {}, new Map([[1, 2]]), 'a "quoted" text'],
      Array.from({ length: 100 }, (_, id) => ({ id })),
      { long: "x".repeat(300), after: 1 },
      null,
      7,
    ];
    for (const value of values) {
      const text = JSON.stringify(value);
      expect(previewOf(value)).toBe(text.length > 200 ? `${text.slice(0, 199)}…` : text);
    }
  });

  it("is none for what has no text", () => {
    expect([undefined, () => 1, 1n].map(previewOf)).toEqual([null, null, null]);
  });
});
