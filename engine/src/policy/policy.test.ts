import { describe, expect, it } from "vitest";
import { type EngineOptions, Policies, type PolicyOptions } from "./policy.ts";

function policyOf(tool: PolicyOptions | object, engine: EngineOptions = {}, agent?: string) {
  const policies = new Policies(engine);
  policies.setTool("t", tool);
  const policy = policies.of("t", agent);
  if (!policy) throw new Error("no such tool");
  return policy;
}

describe("a policy", () => {
  it("has the standard defaults where nobody says anything", () => {
    expect(policyOf({})).toMatchObject({
      timeoutMs: 120_000,
      maxDepth: 8,
      maxReentry: 2,
      sameCallNotice: 3,
      sameCallReject: 4,
      pollReject: 30,
      cycleNotice: 2,
      cycleReject: 3,
      sameResultNotice: null,
      sameResultReject: null,
      sameFailureNotice: 5,
      sameFailureReject: 8,
      rejectionsToEndAgent: 5,
      budgetCalls: null,
      memoryBytes: 2_000_000_000,
      maxCalls: null,
      placement: "host",
      poller: false,
      mode: "enforce",
    });
    expect(policyOf({}, { preset: "lenient" })).toMatchObject({
      timeoutMs: 600_000,
      sameCallReject: 8,
      budgetCalls: null,
    });
    expect(policyOf({}, { preset: "strict" })).toMatchObject({ timeoutMs: 30_000, sameCallReject: 3, maxDepth: 4 });
  });

  it("lets the nearer place win: engine, agent, tool", () => {
    const engine = { timeout: "1s", maxInFlight: 1, agents: { Ann: { timeout: "2s", maxReentry: 7 } } } as const;
    expect(policyOf({}, engine).timeoutMs).toBe(1_000);
    expect(policyOf({}, engine, "Bob").timeoutMs).toBe(1_000);
    expect(policyOf({}, engine, "Ann")).toMatchObject({ timeoutMs: 2_000, maxReentry: 7, maxInFlight: 1 });
    expect(policyOf({ timeout: "3s" }, engine, "Ann")).toMatchObject({ timeoutMs: 3_000, maxReentry: 7 });
  });

  it("gives a tool that waits for a person or an agent no deadline, unless somebody near names one", () => {
    expect(policyOf({ kind: "human" }).timeoutMs).toBeNull();
    expect(policyOf({ kind: "delegation" }, { timeout: "5s" }).timeoutMs).toBeNull();
    expect(policyOf({ kind: "human" }, { preset: "strict" }).timeoutMs).toBe(600_000);
    expect(policyOf({ kind: "human", timeout: "5s" }).timeoutMs).toBe(5_000);
    expect(policyOf({ kind: "mcp" }).timeoutMs).toBe(60_000);
    expect(policyOf({ kind: "mcp" }, { timeout: "5s" }).timeoutMs).toBe(5_000);
  });

  it("says of every limit where it comes from", () => {
    const policies = new Policies({ preset: "strict", maxDepth: 2, agents: { Ann: { timeout: "2s" } } });
    policies.setTool("t", { maxCalls: 5 });
    expect(policies.describe("t", "Ann")).toMatchObject({
      maxCalls: { value: 5, from: "tool" },
      timeoutMs: { value: 2_000, from: "agent Ann" },
      maxDepth: { value: 2, from: "engine" },
      sameCallReject: { value: 3, from: "preset strict" },
    });
    expect(policies.describe("u")).toBeUndefined();
  });

  it("takes durations, sizes and rates as text, or with the unit in the name, or none", () => {
    expect(policyOf({ timeout: "2s" }).timeoutMs).toBe(2_000);
    expect(policyOf({ timeoutMs: 250 }).timeoutMs).toBe(250);
    expect(policyOf({ timeout: null }).timeoutMs).toBeNull();
    expect(policyOf({ memory: "1.5GB" }).memoryBytes).toBe(1_500_000_000);
    expect(policyOf({ memoryBytes: 100 }).memoryBytes).toBe(100);
    expect(policyOf({ rateLimit: "10/1m" }).rateLimit).toEqual({ starts: 10, windowMs: 60_000 });
    expect(() => policyOf({ timeout: "2s", timeoutMs: 1 })).toThrow("both timeout and timeoutMs");
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
    [{ placement: null }, TypeError, "cannot be null"],
    [{ poller: "yes" }, TypeError, 'got "yes"'],
    [{ memory: "2 lots" }, RangeError, "unknown unit"],
    [{ memory: 5 }, TypeError, "got 5"],
    [{ rateLimit: "10 per minute" }, TypeError, 'got "10 per minute"'],
    [{ rateLimit: "0/1m" }, RangeError, "got 0"],
    [{ cycleReject: 9 }, RangeError, "at most 8, got 9"],
    [{ sameCallReject: 1 }, RangeError, "at least 2"],
    [{ maxCals: 3 }, TypeError, "Did you mean maxCalls"],
    [{ maxDepth: 3 }, TypeError, "no option maxDepth"],
    [[], TypeError, "must be an object"],
  ])("refuses %j for a tool at once and shows the value", (options, error, text) => {
    expect(() => policyOf(options)).toThrow(error);
    expect(() => policyOf(options)).toThrow(text);
  });

  it("refuses options of an engine and its agents alike", () => {
    expect(() => new Policies({ maxDepth: 0 })).toThrow("engine maxDepth");
    expect(() => new Policies({ maxdepth: 4 } as object)).toThrow("Did you mean maxDepth");
    expect(() => new Policies({ preset: "mild" } as object)).toThrow('got "mild"');
    expect(() => new Policies({ agents: { Ann: { poller: true } as object } })).toThrow(
      "agent Ann has no option poller",
    );
    expect(() => new Policies({ agents: 3 } as object)).toThrow("engine agents must be an object");
  });
});
