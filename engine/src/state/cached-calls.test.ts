import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Calls, raised, returned, type Submitted } from "../../test/support/calls.ts";
import type { EngineOptions, PolicyOptions } from "../policy/policy.ts";

/** The core with one cached tool. Bodies are counted as they begin. */
class CachedCalls extends Calls {
  readonly bodies: Submitted[] = [];

  constructor(tool: PolicyOptions = {}, engine: EngineOptions = {}) {
    super({ budgetCalls: null, ...engine }, { t: { cache: true, ...tool } });
  }

  begin(request: Parameters<Calls["submit"]>[0] = {}): Submitted {
    const submitted = this.submit({ run: undefined, ...request });
    this.core.claim(submitted.call, () => {
      this.bodies.push(submitted);
      this.core.start(submitted.call);
    });
    return submitted;
  }

  finish({ call }: Submitted, value: unknown): void {
    this.core.end(call, 1, returned("d"), value);
  }
}

const seen = ({ outcome }: Submitted) =>
  outcome && (outcome.status === "succeeded" ? outcome.value : outcome.failure.code);

describe("a call of a cached tool", () => {
  it("is answered without a body, with a value of its own, in every run", () => {
    const calls = new CachedCalls();
    const value = { list: [1] };
    const first = calls.begin({ run: calls.run });
    calls.finish(first, value);
    expect(seen(first)).toBe(value);
    const answers = [calls.begin(), calls.begin({ run: calls.run })];
    value.list.push(2);
    for (const answer of answers) {
      expect(answer.outcome).toMatchObject({ status: "succeeded", attempts: 0, value: { list: [1] } });
      (seen(answer) as typeof value).list.push(3);
    }
    expect(calls.bodies).toEqual([first]);
    expect(seen(calls.begin({ fingerprint: "other" }))).toBeUndefined();
    expect(calls.bodies).toHaveLength(2);
  });

  it("is answered with null and undefined", () => {
    const calls = new CachedCalls();
    for (const [fingerprint, value] of [
      ["n", null],
      ["u", undefined],
    ] as const) {
      calls.finish(calls.begin({ fingerprint }), value);
      const answer = calls.begin({ fingerprint });
      expect(answer.outcome).toMatchObject({ status: "succeeded", value, attempts: 0 });
    }
  });

  it("runs again after a failure, a result that would lose something, or the time to live", async () => {
    const calls = new CachedCalls({ cacheTtl: "10s" });
    calls.end(calls.begin(), raised("down"));
    class Row {}
    calls.finish(calls.begin(), new Row());
    calls.finish(calls.begin(), "kept");
    expect(calls.bodies).toHaveLength(3);
    expect(seen(calls.begin())).toBe("kept");
    await calls.clock.advance(10_001);
    expect(seen(calls.begin())).toBeUndefined();
  });

  it("counts for loops", () => {
    const calls = new CachedCalls();
    calls.finish(calls.begin({ run: calls.run }), "x");
    const notices = [1, 2].map(() => calls.begin({ run: calls.run }).outcome?.notice ?? null);
    expect(notices).toEqual([null, expect.stringContaining("3 times")]);
    expect(seen(calls.begin({ run: calls.run }))).toBe("repeated-call");
  });

  it("counts for no limit of bodies, and is answered where they are used up", () => {
    const calls = new CachedCalls({ maxCalls: 1, rateLimit: "1/1m", maxInFlight: 1 });
    calls.finish(calls.begin(), "x");
    for (let call = 0; call < 3; call += 1) expect(seen(calls.begin())).toBe("x");
    expect(calls.core.usage.of("t")).toMatchObject({ bodies: 1, inFlight: 0, startsMs: [calls.clock.now()] });
    expect(seen(calls.begin({ fingerprint: "other" }))).toBe("usage-limit");
  });

  it("is not answered where somebody steps through the body, or its input cannot be compared", () => {
    const calls = new CachedCalls();
    for (const request of [{}, { debug: true }, { fingerprint: null }, { fingerprint: null }])
      calls.finish(calls.begin(request), "x");
    expect(calls.bodies).toHaveLength(4);
  });

  it("cannot be of a poller", () => {
    expect(() => new CachedCalls({ poller: true })).toThrow("cannot have both cache and poller");
  });
});

describe("identical calls at once", () => {
  it("share one body, each with a value of its own", () => {
    const calls = new CachedCalls();
    const all = [calls.begin(), calls.begin(), calls.begin({ run: calls.run })];
    expect(calls.bodies).toHaveLength(1);
    calls.finish(all[0] as Submitted, { n: 1 });
    expect(all.map(seen)).toEqual([{ n: 1 }, { n: 1 }, { n: 1 }]);
    expect(new Set(all.map(seen)).size).toBe(3);
    expect(all.map(({ outcome }) => outcome?.attempts)).toEqual([1, 0, 0]);
    expect(calls.clock.pendingCount).toBe(0);
  });

  it("share how it failed, and the next one runs again", () => {
    const calls = new CachedCalls();
    const all = [calls.begin(), calls.begin()];
    calls.end(all[0] as Submitted, raised("down"));
    expect(all.map(({ outcome }) => outcome)).toMatchObject([
      { attempts: 1, failure: { code: "tool-error" } },
      { attempts: 0, failure: { code: "tool-error", error: { message: "down" } } },
    ]);
    expect(calls.core.usage.of("t")).toMatchObject({ bodies: 1, inFlight: 0 });
    calls.begin();
    expect(calls.bodies).toHaveLength(2);
  });

  it("are not failed by one that is cancelled: if it ran the body, the next one runs it", () => {
    const calls = new CachedCalls({ readOnly: true });
    const [first, second, third] = [calls.begin(), calls.begin(), calls.begin()];
    const cancelled = { type: "cancelled", detail: "" } as const;
    calls.core.end(second.call, undefined, { ...cancelled, body: "not-started" });
    expect([seen(first), seen(second), seen(third)]).toEqual([undefined, "cancelled", undefined]);
    calls.core.end(first.call, undefined, { ...cancelled, body: "effect-unknown" });
    expect(calls.bodies.map(({ call }) => call)).toEqual([first.call, third.call]);
    calls.finish(first, "late");
    expect(seen(third)).toBeUndefined();
    calls.finish(third, "x");
    expect(seen(third)).toBe("x");
  });

  it("run each their own if what came of the first cannot be shared", () => {
    const calls = new CachedCalls();
    const all = [calls.begin(), calls.begin(), calls.begin()];
    calls.finish(all[0] as Submitted, () => "a function");
    expect(calls.bodies).toHaveLength(3);
  });

  it("wait no longer than their own deadline, from the start of the body on, and share one that is not longer", async () => {
    const calls = new CachedCalls({ timeout: "10s" });
    const [first, hasty, same, patient] = [
      calls.begin(),
      calls.begin({ timeoutMs: 1_000 }),
      calls.begin(),
      calls.begin({ timeoutMs: 20_000 }),
    ];
    await calls.clock.advance(1_001);
    expect([first, hasty, same].map(seen)).toEqual([undefined, "wait-timed-out", undefined]);
    calls.core.end(first.call, 1, { type: "expired", observedMs: 10_000 });
    expect([first, same, patient].map(seen)).toEqual(["timed-out", "timed-out", undefined]);
    expect(calls.bodies.map(({ call }) => call)).toEqual([first.call, patient.call]);
  });

  it("do not wait for each other inside a body: that could wait for itself", () => {
    const calls = new CachedCalls();
    calls.core.setPolicy("outer", {});
    const outer = calls.begin({ tool: "outer", fingerprint: "o" });
    calls.begin();
    calls.begin({ parent: outer.call });
    expect(calls.bodies).toHaveLength(3);
  });
});

it("gives each of many calls one outcome, and never two bodies of one input at once, in any order of events", () => {
  const step = fc.record({
    type: fc.constantFrom("call", "return", "raise", "unshareable", "cancel"),
    which: fc.nat(1_000),
    input: fc.nat(2),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const calls = new CachedCalls({ readOnly: true });
      const all: (Submitted & { readonly input: number })[] = [];
      const kept = new Set<number>();
      const running = () => calls.bodies.filter(({ outcome }) => !outcome);
      const inputOf = ({ call }: Submitted) => all.find((its) => its.call === call)?.input ?? -1;
      let shared = false;
      for (const { type, which, input } of steps) {
        if (type === "call") {
          const before = calls.bodies.length;
          const made = Object.assign(calls.begin({ fingerprint: `f${input}` }), { input });
          all.push(made);
          if (kept.has(input)) expect([seen(made), calls.bodies.length]).toEqual([`v${input}`, before]);
          continue;
        }
        const open = (type === "cancel" ? all : running()).filter(({ outcome }) => !outcome);
        const target = open[which % Math.max(1, open.length)];
        if (!target) continue;
        const its = inputOf(target);
        if (type === "return") {
          calls.finish(target, `v${its}`);
          kept.add(its);
        } else if (type === "raise") calls.end(target, raised("down"));
        else if (type === "unshareable") {
          calls.finish(target, () => undefined);
          shared = true; // its followers run at once, each by itself
        } else calls.core.end(target.call, undefined, { type: "cancelled", detail: "", body: "effect-unknown" });
        const inputs = running().map(inputOf);
        if (!shared) expect(new Set(inputs).size).toBe(inputs.length);
        // Whoever has no outcome waits for a body that runs.
        for (const { outcome, input: waited } of all) if (!outcome) expect(inputs).toContain(waited);
      }
      for (const body of running()) calls.finish(body, `v${inputOf(body)}`);
      expect(all.every(({ outcome }) => outcome)).toBe(true);
      expect(calls.core.usage.of("t").inFlight).toBe(0);
      expect(calls.clock.pendingCount).toBe(0);
    }),
  );
});
