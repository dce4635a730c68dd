import fc from "fast-check";
import { expect, it } from "vitest";
import { restoreSnapshot, takeSnapshot } from "./snapshot.ts";

const roundTrip = (value: unknown): unknown => {
  const snapshot = takeSnapshot(value);
  return snapshot ? restoreSnapshot(snapshot) : "not kept";
};

it("gives back what went in, and each time a value of its own", () => {
  const values = fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true, withTypedArray: true });
  let kept = 0;
  fc.assert(
    fc.property(values, (value) => {
      const snapshot = takeSnapshot(value);
      if (!snapshot) return;
      kept++;
      const [first, second] = [restoreSnapshot(snapshot), restoreSnapshot(snapshot)];
      expect(first).toStrictEqual(value);
      if (typeof value === "object" && value !== null) {
        expect(first).not.toBe(value);
        expect(first).not.toBe(second);
      }
    }),
    { numRuns: 500 },
  );
  expect(kept).toBeGreaterThan(250);
});

it("keeps null, undefined, -0, NaN, big integers, bytes, dates, shared parts and cycles as they are", () => {
  for (const value of [null, undefined, -0, Number.NaN, 2n ** 80n, Buffer.from("b"), new Uint8Array(2), new Date(5)]) {
    expect(roundTrip(value)).toStrictEqual(value);
    expect(Object.getPrototypeOf(roundTrip([value]) as object)).toBe(Array.prototype);
  }
  expect(Buffer.isBuffer(roundTrip(Buffer.from("b")))).toBe(true);
  const part = { name: "shared" };
  const cyclic: Record<string, unknown> = { first: part, second: part };
  cyclic.self = cyclic;
  const back = roundTrip(cyclic) as typeof cyclic;
  expect(back.first).toBe(back.second);
  expect(back.self).toBe(back);
});

it("is JSON exactly where JSON loses nothing", () => {
  const form = (value: unknown) => takeSnapshot(value)?.form;
  const part = {};
  for (const value of [null, "\ud800", [1.5, true], { "": {}, list: [] }, JSON.parse('{"__proto__":1}')]) {
    expect(form(value)).toBe("json");
    expect(roundTrip(value)).toStrictEqual(value);
  }
  for (const value of [undefined, -0, Number.NaN, 1n, { a: undefined }, [part, part], new Date(1), new Map()]) {
    expect(form(value)).toBe("v8");
    expect(roundTrip(value)).toStrictEqual(value);
  }
});

it("keeps nothing that would not come back as it was", () => {
  class Point {
    x = 1;
  }
  const named = Object.assign([1], { name: "n" });
  const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)]);
  const lossy: unknown[] = [
    () => 1,
    Symbol("s"),
    new Point(),
    new Error("e"),
    Object.create(null),
    {
      get now() {
        return 1;
      },
    },
    { [Symbol("s")]: 1 },
    Object.defineProperty({}, "hidden", { value: 1 }),
    named,
    new Array(3),
    /r/,
    new (class extends Array<number> {})(),
    new (class extends Map {})(),
    Object.assign(new Map(), { extra: 1 }),
    new Uint8Array(new SharedArrayBuffer(1)),
    Promise.resolve(1),
    nested(101),
  ];
  for (const value of lossy) {
    expect(roundTrip(value)).toBe("not kept");
    expect(roundTrip({ deep: [value] })).toBe("not kept");
    expect(roundTrip(new Map([[1, value]]))).toBe("not kept");
  }
});
