import { describe, expect, it } from "vitest";
import { Calls, raised, returned } from "../../test/support/calls.ts";
import type { Ending } from "../call/ending.ts";

const UNCLEAN: readonly Ending[] = [
  { type: "expired", observedMs: 1 },
  { type: "crashed", signal: "SIGSEGV", exitCode: null },
  { type: "over-quota", quota: "cpu", observed: 2, limit: 1 },
  { type: "cancelled", detail: "the caller cancelled it", body: "stopped" },
];

describe("a call whose ending is unknown", () => {
  it.each(UNCLEAN)("is not run again with the same input: $type", (ending) => {
    const calls = new Calls();
    const first = calls.submit();
    calls.end(first, ending);
    expect(first.outcome?.attempts).toBe(1);
    const second = calls.submit();
    expect(second.outcome).toMatchObject({
      status: "rejected",
      attempts: 0,
      failure: { code: "effect-unknown", message: expect.stringContaining(first.call.id) },
    });
    expect(calls.decide({ fingerprint: "other input" })).toBe("admitted");
    expect(calls.decide({ run: undefined })).toBe("admitted");
  });

  it.each([{ readOnly: true }, { idempotent: true }])("is run again if a second body does no harm: %o", (policy) => {
    const calls = new Calls({}, { t: policy });
    calls.end(calls.submit(), { type: "expired", observedMs: 1 });
    expect(calls.decide()).toBe("admitted");
  });

  it("is run again by code that repeats it by itself", () => {
    const calls = new Calls();
    calls.end(calls.submit({ byCode: true }), { type: "expired", observedMs: 1 });
    expect(calls.decide({ byCode: true })).toBe("admitted");
    expect(calls.decide()).toBe("effect-unknown");
  });

  it("stops one with its input that waited for its turn", () => {
    const calls = new Calls({}, { t: { maxConcurrent: 1 } });
    const began: string[] = [];
    const [first, second] = [calls.submit(), calls.submit()];
    for (const { call } of [first, second]) calls.core.claim(call, () => began.push(call.id));
    calls.end(first, { type: "expired", observedMs: 1 });
    expect(second.outcome).toMatchObject({ attempts: 0, failure: { code: "effect-unknown" } });
    expect(began).toEqual([first.call.id]);
  });

  it("is only reported in the mode that observes", () => {
    const calls = new Calls({ mode: "observe" });
    calls.end(calls.submit(), { type: "expired", observedMs: 1 });
    const again = calls.submit();
    calls.core.claim(again.call, () => undefined);
    calls.end(again, returned("x"));
    expect(again.outcome).toMatchObject({ status: "succeeded", observed: [{ code: "effect-unknown" }] });
  });
});

describe("a call may be made again", () => {
  it.each<Ending>([
    returned("x"),
    raised("no"),
    { type: "not-run", detail: "blocked" },
    { type: "cancelled", detail: "early", body: "not-started" },
    { type: "load-failed", error: { name: "E", message: "", stack: "" } },
  ])("where it is known what its body did: $type", (ending) => {
    const calls = new Calls();
    calls.end(calls.submit(), ending);
    expect(calls.decide()).toBe("admitted");
  });
});
