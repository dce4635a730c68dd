import { describe, expect, it } from "vitest";
import { Calls, raised, returned, type Submitted } from "../../test/support/calls.ts";
import { Run } from "../state/run.ts";

const once = () => new Calls({}, { t: { once: true } });

describe("a tool that says once", () => {
  it("runs one body for one input in a run, whichever task, attempt or agent asks, and answers from the ledger", () => {
    const calls = once();
    const first = calls.submit({ agent: "Ann", task: "1" });
    calls.core.start(first.call);
    calls.core.end(first.call, 1, returned("paid"), "paid 5");
    for (const [agent, task] of [
      ["Ann", "2"],
      ["Bob", "1"],
      [undefined, undefined],
    ]) {
      expect(calls.submit({ agent, task }).outcome).toMatchObject({
        status: "succeeded",
        value: "paid 5",
        attempts: 0,
      });
    }
    expect(calls.decide({ fingerprint: "other" })).toBe("admitted");
    calls.run = new Run("another", calls.clock.now());
    expect(calls.submit().outcome).toBeUndefined();
  });

  it("is answered with its failure too, and runs again only if its body certainly did not start", () => {
    const calls = once();
    calls.end(calls.submit(), raised("card declined"));
    expect(calls.submit().outcome).toMatchObject({ status: "failed", attempts: 0, failure: { code: "tool-error" } });
    const other = calls.submit({ fingerprint: "other" });
    calls.core.end(other.call, undefined, { type: "not-started", waitedMs: 1, limitMs: 1 });
    expect(calls.decide({ fingerprint: "other" })).toBe("admitted");
  });

  it("waits while the first is under way and has its answer, its failure, or hears that nobody knows how it ended", () => {
    const expired = { type: "expired", observedMs: 5 } as const;
    for (const [ending, status, code] of [
      [returned("paid"), "succeeded", undefined],
      [raised("declined"), "failed", "tool-error"],
      [expired, "rejected", "effect-unknown"],
    ] as const) {
      const calls = once();
      const first = calls.submit();
      const others = [calls.submit({ agent: "Bob" }), calls.submit()];
      let begun = 0;
      for (const { call } of others) calls.core.claim(call, () => (begun += 1));
      expect([others.map(({ outcome }) => outcome), calls.core.waiting]).toEqual([[undefined, undefined], 2]);
      calls.core.start(first.call);
      calls.core.end(first.call, 1, ending, "paid 5");
      const told = { status, attempts: 0, ...(code ? { failure: { code } } : { value: "paid 5" }) };
      for (const { outcome } of others) expect(outcome).toMatchObject(told);
      expect([begun, calls.core.waiting, calls.core.inFlight]).toEqual([0, 0, 0]);
    }
  });

  it("runs its own body, once, if the first certainly did not start, however many wait", () => {
    const calls = once();
    const first = calls.submit();
    const others = [calls.submit(), calls.submit()];
    const begun: number[] = [];
    for (const [at, { call }] of others.entries()) calls.core.claim(call, () => void begun.push(at));
    calls.core.end(first.call, undefined, { type: "not-started", waitedMs: 1, limitMs: 1 });
    expect(begun).toEqual([0]);
    calls.end(others[0] as Submitted, returned("paid"));
    expect(others.map(({ outcome }) => outcome?.status)).toEqual(["succeeded", "succeeded"]);
    expect(begun).toEqual([0]);
  });

  it("waits for the first no longer than its own timeout, and leaves the queue when it is cancelled", async () => {
    const calls = once();
    const first = calls.submit();
    const second = calls.submit({ timeoutMs: 1_000 });
    const third = calls.submit();
    calls.core.end(third.call, undefined, { type: "not-run", detail: "the caller cancelled it" });
    await calls.clock.advance(999);
    expect(second.outcome).toBeUndefined();
    await calls.clock.advance(1);
    expect(second.outcome).toMatchObject({
      failure: {
        code: "wait-timed-out",
        forModel:
          "t was not run: it waited 1 s for the result of the same call, which is under way, in vain. It may be called again later.",
      },
    });
    expect([third.outcome?.status, calls.core.waiting]).toEqual(["cancelled", 0]);
    calls.end(first, returned("paid"));
    expect(calls.submit().outcome?.status).toBe("succeeded");
  });

  it("does not wait for a call that could be waiting for it", () => {
    const calls = once();
    const first = calls.submit();
    calls.core.start(first.call);
    expect(calls.decide({ parent: first.call })).toBe("already-running");
    const outer = calls.submit({ fingerprint: "outer" });
    expect(calls.decide({ parent: outer.call })).toBe("already-running");
    const siblings = [1, 2].map(() => calls.submit({ parent: outer.call, agent: "Ann", fingerprint: "inner" }));
    calls.end(siblings[0] as Submitted, returned("paid"));
    expect(siblings.map(({ outcome }) => outcome?.status)).toEqual(["succeeded", "succeeded"]);
  });

  it("goes by the call's own key if it has one, holds for code and outside of any run, and refuses what it could not know again", () => {
    const calls = once();
    calls.end(calls.submit({ idempotencyKey: "a" }), returned("1"));
    expect(calls.submit({ idempotencyKey: "b" }).outcome).toBeUndefined();
    for (const request of [
      { byCode: true, fingerprint: "x" },
      { run: undefined, fingerprint: "y" },
    ]) {
      calls.end(calls.submit(request), returned("1"));
      expect(calls.submit(request).outcome).toMatchObject({ status: "succeeded", attempts: 0 });
    }
    expect(calls.decide({ fingerprint: null })).toBe("invalid-input");
  });

  it("is known to be done after thousands of others, although what came of it is forgotten", () => {
    const calls = once();
    for (let at = 0; at < 3_000; at += 1) calls.end(calls.submit({ fingerprint: `${at}` }), returned(`${at}`));
    expect(calls.decide({ fingerprint: "0" })).toBe("already-done");
    expect(calls.submit({ fingerprint: "2999" }).outcome).toMatchObject({ status: "succeeded", attempts: 0 });
  });

  it("cannot hide a loop: the model that asks the same again and again is told, and stopped", () => {
    const calls = once();
    const codes = Array.from({ length: 8 }, () => calls.make({}, returned("paid")).code);
    expect(codes).toEqual([...Array(3).fill("admitted"), ...Array(4).fill("repeated-call"), "agent-ended"]);
  });

  it("cannot be a poller", () => {
    expect(() => new Calls({}, { t: { once: true, poller: true } })).toThrow("cannot have both once and poller");
  });
});
