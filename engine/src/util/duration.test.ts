import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { formatBytes, formatDuration, parseDuration, requireCount } from "./duration.ts";

type Vector = { readonly text: string; readonly ms?: number; readonly error?: "form" | "unit" | "positive" };

const vectors: Vector[] = JSON.parse(
  readFileSync(new URL("../../../protocol/vectors/durations.json", import.meta.url), "utf8"),
);
const messages = { form: "must be a duration", unit: "unknown unit", positive: "above 0" };

describe("parseDuration", () => {
  it.each(vectors)("reads $text as the protocol says", ({ text, ms, error }) => {
    if (error) expect(() => parseDuration(text, "timeout")).toThrow(messages[error]);
    else expect(parseDuration(text, "timeout")).toBe(ms);
  });

  it.each([30, null, undefined, {}, true])("refuses %s, which is no text, and shows it", (value) => {
    expect(() => parseDuration(value, "timeout")).toThrow(TypeError);
  });
});

describe("requireCount", () => {
  it.each([0, -1, Number.NaN, 1.5, Number.POSITIVE_INFINITY])("refuses %s and shows it", (value) => {
    expect(() => requireCount(value, "maxCalls")).toThrow(new RegExp(`maxCalls.*${value}`));
  });

  it("refuses what is no number", () => expect(() => requireCount("10", "maxCalls")).toThrow('got "10"'));
});

describe("figures in messages", () => {
  it.each([
    [0.4, "0 ms"],
    [350, "350 ms"],
    [2_000, "2 s"],
    [1_500, "1.5 s"],
    [120_000, "2 min"],
  ])("%d ms reads %s", (ms, text) => expect(formatDuration(ms)).toBe(text));

  it.each([
    [950, "950 B"],
    [12_500, "12.5 kB"],
    [256_000_000, "256 MB"],
  ])("%d bytes read %s", (bytes, text) => expect(formatBytes(bytes)).toBe(text));
});
