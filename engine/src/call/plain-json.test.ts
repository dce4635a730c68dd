import fc from "fast-check";
import { expect, it } from "vitest";
import { canonicalJson } from "./canonical-json.ts";
import { NOT_PLAIN, plainJson, TOO_LARGE } from "./plain-json.ts";
import { encodeValue } from "./values.ts";

/** As the slow way writes it; undefined where that cannot. */
function slowly(value: unknown, maxSize?: number): string | undefined {
  try {
    return canonicalJson(encodeValue(value, "input", maxSize));
  } catch {
    return undefined;
  }
}

const anything = fc.anything({ withBigInt: true, withDate: true, withNullPrototype: true, withTypedArray: true });
const json = fc.jsonValue({ noUnicodeString: false } as fc.JsonSharedConstraints);

it("gives the canonical JSON that the slow way gives, or nothing", () => {
  fc.assert(
    fc.property(fc.oneof(anything, json), (value) => {
      const form = plainJson(value);
      if (form !== NOT_PLAIN) expect(form).toBe(slowly(value));
    }),
    { numRuns: 2_000 },
  );
});

it("is found for ordinary inputs, whatever the order of their keys, which stays as it was", () => {
  const input = {
    query: "weather",
    page: 1,
    filters: [
      { value: "ü", field: null },
      { field: true, value: -1.5e30 },
    ],
  };
  const before = JSON.stringify(input);
  expect(plainJson(input)).toBe(slowly(input));
  expect(JSON.stringify(input)).toBe(before);
});

it.each<[string, unknown]>([
  ["a negative zero", [-0]],
  ["NaN", { a: Number.NaN }],
  ["a lone surrogate", "\ud800"],
  ["a key like a tag", { $int: "1" }],
  ["keys that are numbers", { 10: 1, 9: 1 }],
  ["a key that assignment would not set", JSON.parse('{"b":1,"__proto__":{"x":1}}')],
  ["something with a JSON form of its own", Object.assign([1], { toJSON: () => 2 })],
  ["something undefined", { a: undefined }],
  ["a class instance", new Map()],
])("is not claimed for %s", (_, value) => {
  expect(plainJson(value)).toBe(NOT_PLAIN);
});

it("looks at no more than it may", () => {
  expect(plainJson(["x".repeat(100)], 100)).toBe(TOO_LARGE);
  expect(
    plainJson(
      Array.from({ length: 100 }, () => 1),
      100,
    ),
  ).toBe(TOO_LARGE);
  expect(plainJson({ [`k${"x".repeat(100)}`]: 1 }, 100)).toBe(TOO_LARGE);
  let looks = 0;
  const many = Object.defineProperties(
    {},
    Object.fromEntries(
      Array.from({ length: 1_000 }, (_, n) => [`k${n}`, { enumerable: true, get: () => String(looks++) }]),
    ),
  );
  expect(plainJson(many, 100)).toBe(TOO_LARGE);
  expect(looks).toBeLessThan(20);
  let deep: unknown = 1;
  for (let level = 0; level < 10_000; level += 1) deep = [deep];
  expect(plainJson(deep)).toBe(NOT_PLAIN);
});
