import { describe, expect, it } from "vitest";
import { compileEngineOptions } from "./engine-options.ts";
import { compilePolicy } from "./policy.ts";

const defaults = { timeoutMs: 120_000 };
const compile = (options: unknown) => compilePolicy(options as object, defaults, "tool t");

describe("a policy", () => {
  it("takes what it does not say from the engine", () => {
    expect(compile({})).toEqual({
      timeoutMs: 120_000,
      maxCalls: null,
      maxCallsPerRun: null,
      placement: "host",
      poller: false,
    });
  });

  it("takes a duration as text, or milliseconds with the unit in the name, or none", () => {
    expect(compile({ timeout: "2s" }).timeoutMs).toBe(2_000);
    expect(compile({ timeoutMs: 250 }).timeoutMs).toBe(250);
    expect(compile({ timeout: null }).timeoutMs).toBeNull();
    expect(() => compile({ timeout: "2s", timeoutMs: 1 })).toThrow("both timeout and timeoutMs");
  });

  it.each([
    [{ timeoutMs: -1 }, RangeError, "got -1"],
    [{ timeoutMs: 0 }, RangeError, "got 0"],
    [{ timeoutMs: Number.NaN }, RangeError, "got NaN"],
    [{ timeoutMs: "30" }, TypeError, 'got "30"'],
    [{ timeout: "30 parsecs" }, RangeError, "unknown unit"],
    [{ timeout: 30 }, TypeError, "got 30"],
    [{ maxCalls: 0 }, RangeError, "got 0"],
    [{ maxCalls: 1.5 }, RangeError, "got 1.5"],
    [{ maxCalls: "10" }, TypeError, 'got "10"'],
    [{ placement: "thread" }, TypeError, 'got "thread"'],
    [{ poller: "yes" }, TypeError, 'got "yes"'],
    [{ maxCals: 3 }, TypeError, "Did you mean maxCalls"],
    [[], TypeError, "must be an object"],
  ])("refuses %j at once and shows the value", (options, error, text) => {
    expect(() => compile(options)).toThrow(error);
    expect(() => compile(options)).toThrow(text);
  });
});

describe("an engine's options", () => {
  it("default to 120 s and a depth of 8", () => {
    expect(compileEngineOptions({})).toEqual({ timeoutMs: 120_000, maxDepth: 8 });
  });

  it("refuse a depth that is no count and a key that is not known", () => {
    expect(() => compileEngineOptions({ maxDepth: 0 })).toThrow("engine maxDepth");
    expect(() => compileEngineOptions({ maxdepth: 4 } as object)).toThrow("Did you mean maxDepth");
  });
});
