import { describe, expect, it } from "vitest";
import { Calls, raised, returned, type Submitted } from "../../test/support/calls.ts";
import type { Ending } from "../call/ending.ts";
import type { EngineOptions, PolicyOptions } from "../policy/policy.ts";
import type { Entry } from "../state/entry.ts";
import { replay } from "../state/replay.ts";

const crashed: Ending = { type: "crashed", signal: "SIGSEGV", exitCode: null };

/** The core with one tool that may be tried again. The waits are half of their longest. */
class RetriedCalls extends Calls {
  /** Attempts in the order in which they began, with what they may take. */
  readonly began: { readonly attempt: number; readonly atMs: number }[] = [];
  readonly entries: Entry[];

  constructor(tool: PolicyOptions = {}, engine: EngineOptions = {}) {
    const entries: Entry[] = [];
    const policy = { maxAttempts: 4, retryDelayMs: 100, maxRetryDelayMs: 300, readOnly: true, ...tool };
    super(engine, { t: policy }, { append: (entry) => void entries.push(entry) }, () => 0.5);
    this.entries = entries;
  }

  begin(request: Parameters<Calls["submit"]>[0] = {}): Submitted {
    const submitted = this.submit(request);
    this.core.claim(submitted.call, () => {
      const attempt = this.core.start(submitted.call);
      if (attempt !== undefined) this.began.push({ attempt, atMs: this.clock.now() });
    });
    return submitted;
  }

  get attempts(): number[] {
    return this.began.map(({ attempt }) => attempt);
  }
}

describe("a call of a tool that may be tried again", () => {
  it("is tried again after a wait that doubles up to the longest, and ends with what came of the last attempt", async () => {
    const calls = new RetriedCalls();
    const startMs = calls.clock.now();
    const made = calls.begin();
    for (const attempt of [1, 2, 3]) {
      calls.core.end(made.call, attempt, raised(`down ${attempt}`));
      expect(made.outcome).toBeUndefined();
      await calls.clock.advance(150);
    }
    expect(calls.began.map(({ atMs }) => atMs - startMs)).toEqual([0, 50, 250, 450]);
    calls.core.end(made.call, 4, raised("down 4"));
    expect(made.outcome).toMatchObject({ attempts: 4, failure: { attempts: 4, error: { message: "down 4" } } });
    expect(calls.core.usage.of("t")).toMatchObject({ bodies: 4, inFlight: 0 });
    expect(calls.run).toMatchObject({ bodies: 4, failures: 1 });
  });

  it("succeeds with the first attempt that does, and ignores what an earlier one says late", async () => {
    const calls = new RetriedCalls();
    const made = calls.begin();
    calls.core.end(made.call, 1, crashed);
    calls.core.end(made.call, 1, returned("late"));
    await calls.clock.advance(50);
    calls.core.end(made.call, 1, returned("late"));
    expect(made.outcome).toBeUndefined();
    calls.core.end(made.call, 2, returned("d"), "value");
    expect(made.outcome).toMatchObject({ status: "succeeded", attempts: 2, value: "value" });
    expect(calls.clock.pendingCount).toBe(0);
  });

  it("is not tried again where a body may have had an effect, nor by default", () => {
    for (const options of [{ readOnly: false }, { maxAttempts: 1 }]) {
      const calls = new RetriedCalls(options);
      const made = calls.begin();
      calls.core.end(made.call, 1, raised("down"));
      expect(made.outcome).toMatchObject({ attempts: 1, failure: { code: "tool-error" } });
    }
    const idempotent = new RetriedCalls({ readOnly: false, idempotent: true });
    idempotent.core.end(idempotent.begin().call, 1, raised("down"));
    expect(idempotent.clock.pendingCount).toBe(1);
  });

  it("is tried again whatever its effect if its body certainly did not start, and that is no body", async () => {
    const calls = new RetriedCalls({ readOnly: false });
    const made = calls.begin();
    calls.core.end(made.call, 1, { type: "load-failed", error: { name: "E", message: "", stack: "" } });
    await calls.clock.advance(50);
    calls.core.end(made.call, 2, returned("d"));
    expect(made.outcome).toMatchObject({ status: "succeeded", attempts: 1 });
    expect(calls.core.usage.of("t").bodies).toBe(1);
  });

  it("has all its attempts within its one timeout: no wait goes past it, and the last one has what is left", async () => {
    const calls = new RetriedCalls({ timeoutMs: 1_000 });
    const made = calls.begin();
    await calls.clock.advance(900);
    calls.core.end(made.call, 1, raised("down"));
    await calls.clock.advance(50);
    expect(calls.attempts).toEqual([1, 2]);
    await calls.clock.advance(20);
    calls.core.end(made.call, 2, raised("down"));
    expect(made.outcome).toMatchObject({ attempts: 2, failure: { code: "tool-error" } });
    const late = calls.begin({ fingerprint: "g" });
    calls.core.end(late.call, 1, raised("down"));
    await calls.clock.advance(900);
    calls.core.end(late.call, 2, { type: "expired", observedMs: 100 });
    expect(late.outcome?.status === "timed-out" && late.outcome.failure.message).toContain("1 s");
  });

  it("is not tried again where a limit of bodies leaves no room", () => {
    const limits: [PolicyOptions, EngineOptions][] = [
      [{ maxCalls: 1 }, {}],
      [{ maxCallsPerRun: 1 }, {}],
      [{ rateLimit: "1/1m" }, {}],
      [{}, { budgetCalls: 1 }],
    ];
    for (const [tool, engine] of limits) {
      const calls = new RetriedCalls(tool, engine);
      const made = calls.begin();
      calls.core.end(made.call, 1, raised("down"));
      expect(made.outcome?.attempts).toBe(1);
      expect(calls.core.usage.of("t").bodies).toBe(1);
    }
  });

  it("that is cancelled while it waits starts no more, and says that a body ran", async () => {
    const calls = new RetriedCalls();
    const made = calls.begin();
    calls.core.end(made.call, 1, raised("down"));
    calls.core.end(made.call, undefined, { type: "cancelled", detail: "", body: "not-started" });
    expect(made.outcome).toMatchObject({ attempts: 1, failure: { code: "cancelled", body: "stopped" } });
    await calls.clock.advance(1_000);
    expect(calls.attempts).toEqual([1]);
    expect(calls.core.usage.of("t")).toMatchObject({ bodies: 1, inFlight: 0 });
  });

  it("is known by its attempt and its bodies to the engine that reads the journal back", () => {
    const calls = new RetriedCalls();
    const made = calls.begin();
    calls.core.end(made.call, 1, raised("down"));
    const remembered = replay([{ type: "run-opened", atMs: 0, run: "r" }, ...calls.entries]);
    expect(remembered.usage.of("t")).toMatchObject({ bodies: 2, inFlight: 1 });
    expect(remembered.runs.get("r")?.bodies).toBe(2);
    expect([...remembered.open.values()]).toMatchObject([{ attempt: 2 }]);
  });
});
