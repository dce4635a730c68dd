import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Reservation } from "../call/call.ts";
import type { Ending } from "../call/ending.ts";
import { compilePolicy, type PolicyOptions } from "../policy/policy.ts";
import { CallHistory } from "../run/history.ts";
import { Usage } from "../run/usage.ts";
import { admit } from "./admission.ts";
import type { AdmissionRequest } from "./guard.ts";

const returned = (digest: string | null): Ending => ({ type: "returned", digest, preview: digest });

function requests(options: PolicyOptions = {}) {
  const state = { engineUsage: new Usage(), runUsage: new Usage(), history: new CallHistory() };
  return (overrides: Partial<AdmissionRequest> = {}): AdmissionRequest => ({
    tool: "t",
    policy: compilePolicy(options, { timeoutMs: null }, "tool t"),
    path: ["t"],
    maxDepth: 8,
    fingerprint: "f",
    ...state,
    ...overrides,
  });
}

function codeOf(request: AdmissionRequest): string {
  const admission = admit(request);
  return admission.type === "rejected" ? admission.rejection.code : "admitted";
}

function reserve(request: AdmissionRequest): Reservation {
  const admission = admit(request);
  if (admission.type === "rejected") throw new Error(`rejected: ${admission.rejection.code}`);
  return admission.reservation;
}

describe("depth", () => {
  it("is admitted up to the limit and rejected past it, with the path", () => {
    const request = requests();
    expect(codeOf(request({ path: ["a", "b", "c"], maxDepth: 3 }))).toBe("admitted");
    expect(admit(request({ path: ["a", "b", "c", "d"], maxDepth: 3 }))).toEqual({
      type: "rejected",
      rejection: { code: "depth-exceeded", figures: { limit: "3", observed: "4", detail: "a → b → c → d" } },
    });
  });
});

describe("usage", () => {
  it("counts what was admitted, not what ended", () => {
    const request = requests({ maxCalls: 2 });
    reserve(request({ fingerprint: "1" }));
    reserve(request({ fingerprint: "2" }));
    expect(codeOf(request({ fingerprint: "3" }))).toBe("usage-limit");
  });

  it("is given back exactly when the body certainly did not start", () => {
    const error = { name: "E", message: "", stack: "" };
    const notStarted: Ending[] = [
      { type: "not-run", detail: "" },
      { type: "not-started", waitedMs: 1, limitMs: 1 },
      { type: "invalid", detail: "" },
      { type: "load-failed", error },
      { type: "cannot-move", detail: "", started: false },
      { type: "cancelled", detail: "", started: false },
      { type: "answered", digest: null, preview: null },
    ];
    const started: Ending[] = [
      returned("d"),
      { type: "raised", error },
      { type: "expired", observedMs: 1 },
      { type: "crashed", signal: "SIGKILL", exitCode: null },
      { type: "cannot-move", detail: "", started: true },
      { type: "cancelled", detail: "", started: true },
    ];
    for (const [endings, used] of [
      [notStarted, 0],
      [started, 1],
    ] as const) {
      for (const ending of endings) {
        const request = requests({ maxCalls: 1, maxCallsPerRun: 1 });
        reserve(request()).settle(ending);
        const { engineUsage, runUsage } = request();
        expect([ending, engineUsage.of("t"), runUsage?.of("t")]).toEqual([ending, used, used]);
      }
    }
  });

  it("counts per run and per engine apart", () => {
    const request = requests({ maxCallsPerRun: 1, maxCalls: 2 });
    reserve(request());
    expect(codeOf(request())).toBe("usage-limit");
    const otherRun = { runUsage: new Usage(), history: new CallHistory() };
    expect(codeOf(request(otherRun))).toBe("admitted");
    expect(codeOf(request({ runUsage: new Usage() }))).toBe("usage-limit");
  });

  it("never passes its limit and never refuses below it, whatever starts, ends and is given back", () => {
    const step = fc.record({ admit: fc.boolean(), pick: fc.nat(), started: fc.boolean() });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.array(step, { maxLength: 60 }), (maxCalls, steps) => {
        const request = requests({ maxCalls });
        const open: Reservation[] = [];
        let bodies = 0;
        for (const { admit: wantsIn, pick, started } of steps) {
          if (wantsIn) {
            const admission = admit(request({ fingerprint: null }));
            expect(admission.type).toBe(bodies + open.length < maxCalls ? "admitted" : "rejected");
            if (admission.type === "admitted") open.push(admission.reservation);
          } else if (open.length > 0) {
            const [reservation] = open.splice(pick % open.length, 1);
            reservation?.settle(started ? returned("d") : { type: "not-run", detail: "" });
            if (started) bodies += 1;
          }
          expect(bodies + open.length).toBeLessThanOrEqual(maxCalls);
        }
      }),
    );
  });
});

describe("the same call", () => {
  it("is told at the third same result and rejected at the fourth call, with the last result", () => {
    const request = requests();
    expect(reserve(request()).settle(returned("42"))).toBeNull();
    expect(reserve(request()).settle(returned("42"))).toBeNull();
    expect(reserve(request()).settle(returned("42"))).toContain("3 times and the result did not change");
    const admission = admit(request());
    expect(admission).toMatchObject({
      rejection: { code: "repeated-call", figures: { limit: "3", observed: "3", detail: "42." } },
    });
  });

  it("goes on while its result changes", () => {
    const request = requests();
    for (let poll = 0; poll < 50; poll += 1) expect(reserve(request()).settle(returned(String(poll)))).toBeNull();
  });

  it("starts anew when the result changes once", () => {
    const request = requests();
    for (const digest of ["a", "a", "b", "b", "c", "c"]) expect(reserve(request()).settle(returned(digest))).toBeNull();
    expect(codeOf(request())).toBe("admitted");
  });

  it("counts answers from a framework's cache and failures that repeat", () => {
    const request = requests();
    reserve(request()).settle(returned("x"));
    for (let i = 0; i < 2; i += 1) reserve(request()).settle({ type: "answered", digest: "x", preview: null });
    expect(codeOf(request())).toBe("repeated-call");

    const failing = requests();
    const error = { name: "E", message: "no", stack: "differs each time" };
    for (let i = 0; i < 3; i += 1) reserve(failing()).settle({ type: "raised", error: { ...error, stack: String(i) } });
    expect(codeOf(failing())).toBe("repeated-call");
  });

  it("is no loop in one batch, where no result is there yet", () => {
    const request = requests();
    const batch = Array.from({ length: 20 }, () => reserve(request()));
    expect(batch).toHaveLength(20);
  });

  it("is not compared without a fingerprint, without a digest or outside a run", () => {
    for (const [overrides, digest] of [
      [{ fingerprint: null }, "d"],
      [{}, null],
      [{ history: undefined }, "d"],
    ] as const) {
      const request = requests();
      for (let i = 0; i < 10; i += 1) reserve(request(overrides)).settle(returned(digest));
      expect(codeOf(request(overrides))).toBe("admitted");
    }
  });

  it("of a poller has thirty unchanged results and no notice", () => {
    const request = requests({ poller: true });
    for (let i = 0; i < 29; i += 1) expect(reserve(request()).settle(returned("pending"))).toBeNull();
    expect(codeOf(request())).toBe("repeated-call");
  });

  it("is rejected exactly when its last three results were one and the same", () => {
    const call = fc.record({ fingerprint: fc.constantFrom("f", "g"), digest: fc.constantFrom("x", "y") });
    fc.assert(
      fc.property(fc.array(call, { maxLength: 40 }), (calls) => {
        const request = requests();
        const results = new Map<string, string[]>();
        for (const { fingerprint, digest } of calls) {
          const past = results.get(fingerprint) ?? [];
          const lastThree = past.slice(-3);
          const stuck = lastThree.length === 3 && new Set(lastThree).size === 1;
          const admission = admit(request({ fingerprint }));
          expect(admission.type).toBe(stuck ? "rejected" : "admitted");
          if (admission.type !== "admitted") continue;
          admission.reservation.settle(returned(digest));
          results.set(fingerprint, [...past, digest]);
        }
      }),
    );
  });
});

describe("a history", () => {
  it("forgets the call recorded longest ago past its bound", () => {
    const history = new CallHistory();
    for (let i = 0; i <= 10_000; i += 1) history.record(String(i), "d", null);
    expect(history.latest("0")).toBeUndefined();
    expect(history.latest("1")?.times).toBe(1);
  });
});
