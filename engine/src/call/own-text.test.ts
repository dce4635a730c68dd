import { hash } from "node:crypto";
import fc from "fast-check";
import { expect, it } from "vitest";
import { canonicalJson } from "./canonical-json.ts";
import { encodedText, NOT_PLAIN, ownText, TOO_LARGE } from "./own-text.ts";
import { encodeValue } from "./values.ts";

/** Of what is plain, or can be encoded. */
function textOf(value: unknown): string {
  const plain = ownText(value);
  if (plain === TOO_LARGE) throw new Error("it is not too large");
  return plain === NOT_PLAIN ? encodedText(encodeValue(value)).text : plain.text;
}

/** The same value, each object with its keys in the opposite order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, part]) => [key, reversed(part)]),
  );
}

/** Few texts, names and numbers, so that two values are often alike. */
const { like } = fc.letrec((tie) => ({
  like: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom<unknown>(
      "",
      "a",
      "b",
      "ab",
      "\u0008",
      "ü",
      "😀",
      "1",
      0,
      1,
      8,
      127,
      128,
      2 ** 28,
      -1,
      0.5,
      null,
      true,
    ),
    fc.array(tie("like"), { maxLength: 3 }),
    fc
      .array(fc.tuple(fc.constantFrom("a", "b", "ab", "", "1", "ü", "__proto__"), tie("like")), { maxLength: 3 })
      .map((entries) => Object.fromEntries(entries)),
  ),
}));

it("is equal exactly where the canonical JSON is", () => {
  const same = { yes: 0, no: 0 };
  fc.assert(
    fc.property(like, like, (a, b) => {
      const isSame = canonicalJson(encodeValue(a)) === canonicalJson(encodeValue(b));
      same[isSame ? "yes" : "no"] += 1;
      expect(textOf(a) === textOf(b)).toBe(isSame);
      expect(hash("sha256", textOf(a)) === hash("sha256", textOf(b))).toBe(isSame);
      expect(textOf(reversed([a, b, a]))).toBe(textOf([a, b, a]));
    }),
    { numRuns: 3_000 },
  );
  expect(Math.min(same.yes, same.no)).toBeGreaterThan(20);
});

it("tells apart what has the same letters and figures in other places", () => {
  const values = [
    ["ab", ""],
    ["a", "b"],
    ["", "ab"],
    ["ab"],
    "ab",
    { a: "b" },
    { "": "ab" },
    { ab: "" },
    [["a"], "b"],
    [["a", "b"]],
    [1, [2]],
  ];
  const texts = [
    ...values,
    [[1], 2],
    [1, 2],
    [[1, 2]],
    [12],
    12,
    "12",
    ["#12"],
    "#12",
    true,
    "true",
    [true],
    null,
    [null],
    [],
    {},
    [{}],
  ].map(textOf);
  expect(new Set(texts).size).toBe(texts.length);
});

it("is equal for equal values of any kind", () => {
  const anything = fc.anything({ withBigInt: true, withDate: true, withNullPrototype: true, withTypedArray: true });
  fc.assert(
    fc.property(anything, (value) => {
      const plain = ownText(value);
      if (typeof plain === "symbol") return;
      expect(encodedText(encodeValue(value)).text).toBe(plain.text);
      expect(new Set(plain.names.flat())).toEqual(namesIn(value));
    }),
    { numRuns: 2_000 },
  );
});

function namesIn(value: unknown, names = new Set<string>()): Set<string> {
  if (typeof value !== "object" || value === null) return names;
  if (!Array.isArray(value)) for (const key of Object.keys(value)) names.add(key);
  for (const part of Object.values(value)) namesIn(part, names);
  return names;
}

it("does not depend on what was written before, and not on a value that is written meanwhile", () => {
  const rows = (keys: readonly string[]): unknown =>
    [0, 1].map((at) => Object.fromEntries(keys.map((key) => [key, at])));
  const text = textOf(rows(["a", "b"]));
  textOf(rows(["b", "a"]));
  textOf(rows(["a", "c"]));
  expect(textOf(rows(["b", "a"]))).toBe(text);
  const nesting = {
    a: 1,
    get b(): string {
      return textOf({ c: "x".repeat(20_000), d: Array(5_000).fill(7) }) ? "2" : "";
    },
  };
  expect(textOf([nesting, nesting])).toBe(
    textOf([
      { a: 1, b: "2" },
      { a: 1, b: "2" },
    ]),
  );
});

it("sees own fields only", () => {
  Object.defineProperty(Object.prototype, "stray", { value: 1, enumerable: true, writable: true, configurable: true });
  try {
    expect(textOf([{ a: 1 }, { a: 2 }])).toBe(textOf([{ a: 1 }, Object.assign(Object.create(null), { a: 2 })]));
  } finally {
    Reflect.deleteProperty(Object.prototype, "stray");
  }
});

it.each<[string, unknown]>([
  ["a negative zero", [-0]],
  ["NaN", { a: Number.NaN }],
  ["a lone surrogate", "\ud800"],
  ["a name with a lone surrogate", { "\ud800": 1 }],
  ["a key like a tag", { $int: "1" }],
  ["a function", { toJSON: () => 2 }],
  ["something undefined", { a: undefined }],
  ["a hole", new Array(1)],
  ["a class instance", new Map()],
])("is not claimed for %s", (_, value) => {
  expect(ownText(value)).toBe(NOT_PLAIN);
});

it("looks at no more than it may", () => {
  const ones = Array.from({ length: 100 }, () => 1);
  for (const large of [["x".repeat(100)], ones, { ones }, { [`k${"x".repeat(100)}`]: 1 }, new Array(4e9)])
    expect(ownText(large, 100)).toBe(TOO_LARGE);
  let looks = 0;
  const counted = { enumerable: true, get: () => String(looks++) };
  const many = Array.from({ length: 1_000 }, () => Object.defineProperty({}, "k", counted));
  expect(ownText([[...many.slice(0, 8)], ...many.slice(0, 4)], 200)).toBe(TOO_LARGE);
  expect(looks).toBeLessThan(20);
  let deep: unknown = 1;
  for (let level = 0; level < 10_000; level += 1) deep = [deep];
  expect(ownText(deep)).toBe(NOT_PLAIN);
});

it("is written for large values, and the room for that is given back", () => {
  const rows = Array.from({ length: 10_000 }, (_, id) => ({ id, name: `row ${id}`, share: id / 7 }));
  expect(textOf(rows)).toBe(textOf(structuredClone(rows)));
  expect(textOf(rows)).not.toBe(textOf(rows.with(9_999, { id: 9_999, name: "row 9999", share: 0 })));
});
