import { describe, expect, it } from "vitest";
import { Calls, raised, returned } from "../test/support/calls.ts";
import { Run } from "./run/run.ts";

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

  it("is rejected while the first is under way, and where nobody knows how it ended", () => {
    const calls = once();
    const first = calls.submit();
    expect(calls.decide()).toBe("already-running");
    calls.end(first, { type: "expired", observedMs: 5 });
    expect(calls.decide()).toBe("effect-unknown");
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
