import canonicalize from "canonicalize";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJson } from "./canonical-json.ts";
import type { Encoded } from "./values.ts";

describe("canonical JSON", () => {
  it("is what the package canonicalize writes, whatever the value", () => {
    const text = fc.string({ unit: "binary" });
    const key = fc.oneof(text, fc.constantFrom("__proto__", "10", "9", "", "\u20ac", "\r", "\u{1f600}", "\ufb33"));
    const { value } = fc.letrec<{ value: Encoded }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        text,
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.constantFrom(null, true, false),
        fc.array(tie("value"), { maxLength: 4 }),
        fc.array(fc.tuple(key, tie("value")), { maxLength: 5 }).map((entries) => Object.fromEntries(entries)),
      ),
    }));
    fc.assert(
      fc.property(value, (any) => {
        expect(canonicalJson(any)).toBe(canonicalize(any));
      }),
      { numRuns: 1_000 },
    );
  });

  it("escapes a lone surrogate as JSON.stringify does", () => {
    expect(canonicalJson(["\ud800"])).toBe('["\\ud800"]');
  });
});
