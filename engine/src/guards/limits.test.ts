import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Calls, codeOf, raised, returned, type Submitted } from "../../test/support/calls.ts";
import type { Ending } from "../call/ending.ts";
import { NotRecordedError } from "../state/journal.ts";

const error = { name: "E", message: "", stack: "" };
const NOT_STARTED: readonly Ending[] = [
  { type: "not-run", detail: "" },
  { type: "not-started", waitedMs: 1, limitMs: 1 },
  { type: "invalid", detail: "" },
  { type: "load-failed", error },
  { type: "cannot-move", detail: "", started: false },
  { type: "cancelled", detail: "", body: "not-started" },
  { type: "answered", digest: null, preview: null },
];
const STARTED: readonly Ending[] = [
  returned("d"),
  { type: "raised", error },
  { type: "expired", observedMs: 1 },
  { type: "crashed", signal: "SIGKILL", exitCode: null },
  { type: "over-quota", quota: "memory", observed: 2, limit: 1 },
  { type: "cannot-move", detail: "", started: true },
  { type: "cancelled", detail: "", body: "stopped" },
];

/** Inside a body: a chain of calls, each made by the one before. */
function nested(calls: Calls, tools: readonly string[]): Submitted[] {
  const chain: Submitted[] = [];
  for (const [at, tool] of tools.entries()) {
    const submitted = calls.submit({ tool, fingerprint: `f${at}`, parent: chain.at(-1)?.call });
    if (!submitted.outcome) calls.core.start(submitted.call);
    chain.push(submitted);
  }
  return chain;
}

describe("depth", () => {
  it("is admitted up to the limit and rejected past it, with the path", () => {
    const calls = new Calls({ maxDepth: 3 }, { a: {}, b: {}, c: {}, d: {} });
    const chain = nested(calls, ["a", "b", "c", "d"]);
    expect(chain.map(codeOf)).toEqual(["admitted", "admitted", "admitted", "depth-exceeded"]);
    expect(chain[3]?.outcome).toMatchObject({
      failure: { message: "d would be at depth 4, the limit is 3: a → b → c → d." },
    });
  });
});

describe("stuck bodies", () => {
  it("reject further calls of their tool on the host from the limit on, and none in a worker", () => {
    const tools = {
      hangs: { maxStuck: 2 },
      moved: { maxStuck: 2, placement: "worker" },
      free: { maxStuck: null },
    } as const;
    const calls = new Calls({}, tools);
    const codes = (tool: string) => [0, 1, 2, 3].map((stuckBodies) => codeOf(calls.submit({ tool, stuckBodies })));
    expect(codes("hangs")).toEqual(["admitted", "admitted", "host-stuck", "host-stuck"]);
    expect(codes("moved")).toEqual(["admitted", "admitted", "admitted", "admitted"]);
    expect(codes("free")).toEqual(["admitted", "admitted", "admitted", "admitted"]);
  });
});

describe("ancestors", () => {
  it("the same tool with the same input inside itself is rejected at once, with the path", () => {
    const calls = new Calls({}, { a: {}, b: {} });
    const outer = calls.submit({ tool: "a", fingerprint: "same" });
    const inner = calls.submit({ tool: "b", fingerprint: "x", parent: outer.call });
    const again = calls.submit({ tool: "a", fingerprint: "same", parent: inner.call });
    expect(codeOf(again)).toBe("ancestor-cycle");
    expect(again.outcome).toMatchObject({ failure: { message: expect.stringContaining("a → b → a") } });
  });

  it("the same tool with other inputs stands on its path maxReentry times, and no more", () => {
    const calls = new Calls({ maxDepth: 16, maxReentry: 2 }, { a: {}, b: {} });
    expect(nested(calls, ["a", "b", "a", "b", "a"]).map(codeOf)).toEqual([
      "admitted",
      "admitted",
      "admitted",
      "admitted",
      "reentry-limit",
    ]);
  });

  it("delegation counts by coworker", () => {
    const calls = new Calls({ maxReentry: 1 }, { delegate: {} });
    const toAnn = calls.submit({ tool: "delegate", fingerprint: "1", subject: "Ann" });
    const toBob = calls.submit({ tool: "delegate", fingerprint: "2", subject: "Bob", parent: toAnn.call });
    const back = calls.submit({ tool: "delegate", fingerprint: "3", subject: "Ann", parent: toBob.call });
    expect([toAnn, toBob, back].map(codeOf)).toEqual(["admitted", "admitted", "reentry-limit"]);
  });

  it("two calls side by side are no path", () => {
    const calls = new Calls({ maxReentry: 1 });
    expect([calls.decide(), calls.decide()]).toEqual(["admitted", "admitted"]);
  });
});

describe("usage", () => {
  it("counts what was admitted, not what ended", () => {
    const calls = new Calls({}, { t: { maxCalls: 2 } });
    expect([calls.decide(), calls.decide(), calls.decide()]).toEqual(["admitted", "admitted", "usage-limit"]);
  });

  it("is given back exactly when the body certainly did not start", () => {
    for (const [endings, next] of [
      [NOT_STARTED, "admitted"],
      [STARTED, "usage-limit"],
    ] as const) {
      for (const ending of endings) {
        const calls = new Calls({}, { t: { maxCalls: 1, maxCallsPerRun: 1 } });
        calls.make({}, ending);
        expect([ending, calls.decide({ fingerprint: "g" })]).toEqual([ending, next]);
      }
    }
  });

  it("counts per run and per engine apart", async () => {
    const calls = new Calls({}, { t: { maxCalls: 2, maxCallsPerRun: 1 } });
    expect([calls.decide(), calls.decide()]).toEqual(["admitted", "usage-limit"]);
    expect(calls.decide({ run: undefined })).toBe("admitted");
    expect(calls.decide({ run: undefined })).toBe("usage-limit");
  });

  it("bounds the calls in flight, and lets the next in as one ends", () => {
    const calls = new Calls({}, { t: { maxInFlight: 2 } });
    const first = calls.submit({ fingerprint: "1" });
    calls.submit({ fingerprint: "2" });
    expect(calls.decide({ fingerprint: "3" })).toBe("in-flight-limit");
    calls.end(first, returned("d"));
    expect(calls.decide({ fingerprint: "3" })).toBe("admitted");
  });

  it("never passes any limit and never refuses below it, whatever starts, ends, fails and is given back", async () => {
    const step = fc.record({
      action: fc.constantFrom("call", "call", "end", "wait"),
      pick: fc.nat(),
      ending: fc.constantFrom(...NOT_STARTED, ...STARTED),
    });
    const limits = fc.record({
      maxCalls: fc.integer({ min: 1, max: 6 }),
      maxCallsPerRun: fc.integer({ min: 1, max: 6 }),
      maxInFlight: fc.integer({ min: 1, max: 4 }),
      starts: fc.integer({ min: 1, max: 4 }),
      budgetCalls: fc.integer({ min: 1, max: 6 }),
    });
    await fc.assert(
      fc.asyncProperty(limits, fc.array(step, { maxLength: 60 }), async ({ starts, budgetCalls, ...own }, steps) => {
        const calls = new Calls(
          { budgetCalls, rejectionsToEndAgent: null },
          { t: { ...own, rateLimit: `${starts}/10s` } },
        );
        // The model: plain lists, looked through from the start each time.
        const open: { submitted: Submitted; atMs: number }[] = [];
        let endedStarts: number[] = [];
        for (const { action, pick, ending } of steps) {
          const nowMs = calls.clock.now();
          if (action === "wait") await calls.clock.advance(3_000);
          else if (action === "end" && open.length > 0) {
            const [ended] = open.splice(pick % open.length, 1);
            calls.end(ended?.submitted as Submitted, ending);
            if (STARTED.includes(ending)) endedStarts.push(ended?.atMs as number);
          } else if (action === "call") {
            const bodies = open.length + endedStarts.length;
            const inWindow = [...open.map(({ atMs }) => atMs), ...endedStarts].filter(
              (at) => at + 10_000 > nowMs,
            ).length;
            const fits =
              bodies < Math.min(own.maxCalls, own.maxCallsPerRun, budgetCalls) &&
              open.length < own.maxInFlight &&
              inWindow < starts;
            const submitted = calls.submit({ fingerprint: null });
            expect(codeOf(submitted) === "admitted").toBe(fits);
            if (fits) open.push({ submitted, atMs: nowMs });
          }
        }
        endedStarts = [];
      }),
      { numRuns: 200 },
    );
  });
});

describe("the rate", () => {
  it("holds over every window of its length, not over fixed ones", async () => {
    const calls = new Calls({ rejectionsToEndAgent: null }, { t: { rateLimit: "2/10s" } });
    expect(calls.decide({ fingerprint: "1" })).toBe("admitted");
    await calls.clock.advance(9_000);
    expect(calls.decide({ fingerprint: "2" })).toBe("admitted");
    const third = calls.submit({ fingerprint: "3" });
    expect(third.outcome).toMatchObject({
      failure: { code: "rate-limit", retryable: true, message: expect.stringContaining("it may start again in 1 s") },
    });
    await calls.clock.advance(1_000);
    expect(calls.decide({ fingerprint: "4" })).toBe("admitted");
    expect(calls.decide({ fingerprint: "5" })).toBe("rate-limit");
  });
});

describe("the breaker", () => {
  const tools = { t: { maxConsecutiveFailures: 2, breakerCooldown: "10s", sameFailureReject: null } };
  const fail = (calls: Calls, fingerprint: string) => calls.make({ fingerprint }, raised("no")).code;

  it("opens at so many failures in a row, lets one call try after the cooldown, and closes when it works", async () => {
    const calls = new Calls({}, tools);
    expect([fail(calls, "1"), fail(calls, "2"), fail(calls, "3")]).toEqual(["admitted", "admitted", "breaker-open"]);
    await calls.clock.advance(10_000);
    const probe = calls.submit({ fingerprint: "4" });
    expect([codeOf(probe), calls.decide({ fingerprint: "5" })]).toEqual(["admitted", "breaker-open"]);
    calls.end(probe, returned("ok"));
    expect([fail(calls, "6"), calls.decide({ fingerprint: "7" })]).toEqual(["admitted", "admitted"]);
  });

  it("opens again when the trying call fails, and stays ready to try when that call's body was not started", async () => {
    const calls = new Calls({}, tools);
    fail(calls, "1");
    fail(calls, "2");
    await calls.clock.advance(10_000);
    expect(calls.make({ fingerprint: "3" }, { type: "not-run", detail: "" }).code).toBe("admitted");
    expect([fail(calls, "4"), fail(calls, "5")]).toEqual(["admitted", "breaker-open"]);
    await calls.clock.advance(9_999);
    expect(calls.decide({ fingerprint: "6" })).toBe("breaker-open");
  });

  it("is not closed by a call that was admitted before it opened, nor opened by a success in between", async () => {
    const calls = new Calls({}, tools);
    const early = calls.submit({ fingerprint: "0" });
    fail(calls, "1");
    calls.make({ fingerprint: "2" }, returned("ok"));
    fail(calls, "3");
    expect(fail(calls, "4")).toBe("admitted");
    expect(fail(calls, "5")).toBe("breaker-open");
    await calls.clock.advance(10_000);
    const probe = calls.submit({ fingerprint: "6" });
    calls.end(early, returned("late"));
    expect(calls.decide({ fingerprint: "7" })).toBe("breaker-open");
    calls.end(probe, raised("no"));
    expect(calls.decide({ fingerprint: "8" })).toBe("breaker-open");
  });
});

describe("budgets", () => {
  it("of calls and failures bound the run's whole tree", () => {
    const calls = new Calls({ budgetCalls: 2 }, { a: {}, b: {} });
    const outer = calls.submit({ tool: "a", fingerprint: "1" });
    expect(calls.decide({ tool: "b", fingerprint: "2", parent: outer.call })).toBe("admitted");
    const third = calls.submit({ tool: "b", fingerprint: "3" });
    expect(third.outcome).toMatchObject({
      failure: {
        code: "budget-exceeded",
        message: "b was not run: the run has used 2 of its budget of 2 calls.",
        forModel: expect.stringContaining("Write your final answer now"),
      },
    });
    const failing = new Calls({ budgetFailures: 2, sameFailureReject: null });
    for (const fingerprint of ["1", "2"]) expect(failing.make({ fingerprint }, raised("no")).code).toBe("admitted");
    expect(failing.decide({ fingerprint: "3" })).toBe("budget-exceeded");
  });

  it("of wall time bound the run, and the deadline of its last calls", async () => {
    const calls = new Calls({ budgetWallTime: "10s", timeout: "8s" });
    await calls.clock.advance(4_000);
    expect(calls.submit().call.timeoutMs).toBe(6_000);
    await calls.clock.advance(6_000);
    expect(calls.decide({ fingerprint: "g" })).toBe("budget-exceeded");
    expect(calls.decide({ run: undefined })).toBe("admitted");
  });

  it("of tool time count the outermost calls, those in flight until now included", async () => {
    const calls = new Calls({ budgetToolTime: "10s" });
    const outer = calls.submit({ fingerprint: "1" });
    const inner = calls.submit({ fingerprint: "2", parent: outer.call });
    await calls.clock.advance(4_000);
    calls.end(inner, returned("d"));
    expect(calls.submit({ fingerprint: "3", parent: outer.call }).call.timeoutMs).toBe(6_000);
    await calls.clock.advance(2_000);
    calls.end(outer, returned("d"));
    await calls.clock.advance(60_000);
    expect(calls.submit({ fingerprint: "4" }).call.timeoutMs).toBe(4_000);
    await calls.clock.advance(4_000);
    expect(calls.decide({ fingerprint: "5" })).toBe("budget-exceeded");
  });
});

describe("a run whose history is lost", () => {
  it("admits only tools that read", () => {
    const calls = new Calls({}, { t: {}, read: { readOnly: true } });
    calls.run.isRemembered = false;
    expect([calls.decide(), calls.decide({ tool: "read" })]).toEqual(["history-lost", "admitted"]);
    expect(calls.decide({ run: undefined })).toBe("admitted");
  });
});

describe("an engine whose history is lost", () => {
  it("admits nothing that a lost count, start or key bounds; starts are out of their window at last", async () => {
    const calls = new Calls(
      {},
      { t: {}, counted: { maxCalls: 9 }, rated: { rateLimit: "3/1m" }, again: { idempotent: true } },
    );
    calls.core.forgottenAtMs = calls.clock.now();
    const outside = { run: undefined } as const;
    const decide = () => [
      calls.decide({ ...outside }),
      calls.decide({ ...outside, tool: "counted" }),
      calls.decide({ ...outside, tool: "rated" }),
      calls.decide({ ...outside, idempotencyKey: `k${calls.clock.now()}` }),
      calls.decide({ ...outside, tool: "again", idempotencyKey: `a${calls.clock.now()}` }),
    ];
    const isBounded = ["admitted", "history-lost", "history-lost", "history-lost", "admitted"];
    expect(decide()).toEqual(isBounded);
    await calls.clock.advance(59_999);
    expect(decide()).toEqual(isBounded);
    await calls.clock.advance(1);
    expect(decide()).toEqual(["admitted", "history-lost", "admitted", "history-lost", "admitted"]);
  });
});

describe("a call that cannot be written down", () => {
  it("is not admitted, uses nothing, and the next one is", () => {
    let isFull = true;
    const journal = {
      append() {
        if (isFull) throw new NotRecordedError("ENOSPC: no space left on device, write");
      },
    };
    const calls = new Calls({}, { t: { maxCalls: 1 } }, journal);
    const refused = calls.submit();
    expect(refused.outcome).toMatchObject({ status: "rejected", failure: { code: "not-recorded", retryable: true } });
    expect(refused.outcome).toMatchObject({ failure: { message: expect.stringContaining("ENOSPC") } });
    isFull = false;
    expect([calls.decide(), calls.decide({ fingerprint: "g" })]).toEqual(["admitted", "usage-limit"]);
  });
});

describe("the limits in force", () => {
  it("are those of the agent that calls, whoever called before", () => {
    const calls = new Calls({ agents: { Ann: { maxCalls: 1 } }, sameCallReject: null });
    calls.make({ agent: "Bob" }, returned("d"));
    expect([calls.decide({ agent: "Ann" }), calls.decide({ agent: "Bob" })]).toEqual(["usage-limit", "admitted"]);
  });

  it("follow the options that a tool was registered with last, and its counts stay", () => {
    const calls = new Calls();
    expect(calls.decide()).toBe("admitted");
    calls.core.setPolicy("t", { maxCalls: 1 });
    expect(calls.decide({ fingerprint: "g" })).toBe("usage-limit");
  });

  it("have the timeout that the call itself names, also none", () => {
    const calls = new Calls({ timeout: "8s" });
    const timeouts = [5, null, undefined].map((timeoutMs, at) => {
      return calls.submit({ timeoutMs, fingerprint: `${at}` }).call.timeoutMs;
    });
    expect(timeouts).toEqual([5, null, 8_000]);
  });
});

describe("mode observe", () => {
  it("decides and reports everything, and rejects nothing", () => {
    const calls = new Calls({ mode: "observe", rejectionsToEndAgent: 1 }, { t: { maxCalls: 1 } });
    for (let at = 0; at < 5; at += 1) {
      const submitted = calls.submit({ fingerprint: String(at) });
      calls.end(submitted, returned(String(at)));
      expect(submitted.outcome).toMatchObject({
        status: "succeeded",
        observed: at === 0 ? [] : [{ code: "usage-limit", message: expect.stringContaining("the limit is 1 calls") }],
      });
    }
  });
});
