import fc from "fast-check";
import { expect, it } from "vitest";
import { formatBytes } from "../util/duration.ts";
import { textForModel } from "./text-for-model.ts";

it("leaves a text alone that is within the limit, or has none", () => {
  expect(textForModel("t", "äöü", 6)).toEqual({ text: "äöü", isCut: false, sizeBytes: 6 });
  expect(textForModel("t", "x".repeat(100), null).text).toHaveLength(100);
});

it("says what a larger one has, and gives its beginning", () => {
  expect(textForModel("fetch", "x".repeat(12_345), 100)).toEqual({
    text: `fetch returned 12.3 kB; the first 52 B follow. ${"x".repeat(52)}`,
    isCut: true,
    sizeBytes: 12_345,
  });
});

it("stays within the limit, cuts no character in two, and shows what it says it shows", () => {
  const text = fc.string({ unit: "binary", minLength: 100, maxLength: 1_500 }).filter((made) => made.isWellFormed());
  fc.assert(
    fc.property(text, fc.integer({ min: 80, max: 1_200 }), (whole, maxBytes) => {
      const { text: shown, isCut, sizeBytes } = textForModel("t", whole, maxBytes);
      expect(Buffer.byteLength(shown)).toBeLessThanOrEqual(maxBytes);
      expect(isCut).toBe(sizeBytes > maxBytes);
      if (!isCut) return;
      const [sentence = ""] = shown.split("follow. ");
      const preview = shown.slice(sentence.length + "follow. ".length);
      expect(preview.isWellFormed()).toBe(true);
      expect(whole.startsWith(preview)).toBe(true);
      expect(sentence).toContain(`the first ${formatBytes(Buffer.byteLength(preview))} `);
      // Nothing more would have fitted: the next character has at most four bytes, the figure may be shorter.
      expect(Buffer.byteLength(shown)).toBeGreaterThan(maxBytes - 10);
    }),
  );
});

it("gives the sentence alone where the limit has room for no more", () => {
  expect(textForModel("t", "x".repeat(200), 10).text).toBe("t returned 200 B; the first 0 B follow. ");
});

it("reads only the beginning of a large text", () => {
  const large = "ä".repeat(20_000_000);
  const beganAtMs = performance.now();
  expect(Buffer.byteLength(textForModel("t", large, 1_000).text)).toBeLessThanOrEqual(1_000);
  expect(performance.now() - beganAtMs).toBeLessThan(1_000);
});
