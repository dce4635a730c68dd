import { describe, expect, it } from "vitest";
import { Calls, raised, returned, type Submitted } from "../../test/support/calls.ts";
import type { Entry } from "../state/entry.ts";
import { compacted, replay } from "../state/replay.ts";
import { MAX_STORED_BYTES } from "../state/stored-ending.ts";

const finish = (calls: Calls, { call }: Submitted, value: unknown): void => {
  calls.core.start(call);
  calls.core.end(call, 1, returned("d"), value);
};

const seen = ({ outcome }: Submitted) =>
  outcome && (outcome.status === "succeeded" ? outcome.value : outcome.failure.code);

/** An idempotency key also counts outside runs. */
const NAMES = [
  { name: "an idempotency key", request: { idempotencyKey: "k" } },
  { name: "an idempotency key outside any run", request: { idempotencyKey: "k", run: undefined } },
  { name: "a framework's id", request: { requestId: "r" } },
] as const;

describe.each(NAMES)("a call that is repeated by $name", ({ request }) => {
  it("is answered with the value of the first, each time anew, and is no body", () => {
    const calls = new Calls({}, { t: { maxCalls: 1 } });
    const first = calls.submit(request);
    finish(calls, first, { paid: [1] });
    for (let repeat = 0; repeat < 5; repeat += 1) {
      const { outcome } = calls.submit(request);
      expect(outcome).toMatchObject({ status: "succeeded", attempts: 0, notice: null, value: { paid: [1] } });
      (outcome as unknown as { value: { paid: number[] } }).value.paid.push(2);
    }
    expect(calls.core.usage.of("t")).toMatchObject({ bodies: 1, inFlight: 0 });
  });

  it("is answered with the failure of the first", () => {
    const calls = new Calls();
    calls.end(calls.submit(request), raised("no money"));
    expect(calls.submit(request).outcome).toMatchObject({
      status: "failed",
      attempts: 0,
      failure: { code: "tool-error", error: { message: "no money" } },
    });
  });

  it("is rejected while the first is under way, where its effect is unknown, and where its result was not kept", () => {
    const calls = new Calls();
    const first = calls.submit(request);
    expect(seen(calls.submit(request))).toBe("already-running");
    calls.end(first, { type: "expired", observedMs: 1 });
    expect(seen(calls.submit(request))).toBe("effect-unknown");
    for (const [fingerprint, value] of [
      ["large", "x".repeat(MAX_STORED_BYTES)],
      ["function", () => 1],
    ] as const) {
      const other = { ...request, fingerprint };
      if ("idempotencyKey" in other) Object.assign(other, { idempotencyKey: fingerprint });
      finish(calls, calls.submit(other), value);
      expect(seen(calls.submit(other))).toBe("already-done");
    }
  });

  it("runs if no body ran before", () => {
    const calls = new Calls();
    calls.end(calls.submit(request), { type: "not-run", detail: "" });
    expect(calls.decide(request)).toBe("admitted");
  });
});

it("the model that asks again under another id is not answered, and runs into its loop", () => {
  const calls = new Calls();
  for (const requestId of ["1", "2", "3"]) finish(calls, calls.submit({ requestId }), "x");
  for (let repeat = 0; repeat < 5; repeat += 1) expect(seen(calls.submit({ requestId: "3" }))).toBe("x");
  expect(calls.decide({ requestId: "4" })).toBe("repeated-call");
});

it("a key outside any run is remembered where the journal is compacted, and the bodies still count", () => {
  const entries: Entry[] = [];
  const calls = new Calls({}, { t: {} }, { append: (entry) => void entries.push(entry) });
  for (const idempotencyKey of ["1", "2", undefined]) {
    const request = { run: undefined, idempotencyKey, fingerprint: `f${idempotencyKey}` };
    finish(calls, calls.submit(request), "x");
  }
  calls.end(calls.submit({ run: undefined, idempotencyKey: "3" }), { type: "expired", observedMs: 1 });
  const compact = compacted(entries, calls.core.usage, calls.clock.now());
  const { usage } = replay(JSON.parse(JSON.stringify(compact)) as Entry[]);
  const named = { tool: "t", effect: "each-time" } as const;
  expect(usage.of("t").bodies).toBe(4);
  expect(usage.ledger.decide({ ...named, fingerprint: "f2", idempotencyKey: "2" })).toMatchObject({ type: "done" });
  expect(usage.ledger.decide({ ...named, fingerprint: "f", idempotencyKey: "3" }).type).toBe("effect-unknown");
  expect(compact).toHaveLength(3 * 2 + 1);
});

it("a key is not for another tool or input", () => {
  const calls = new Calls({}, { t: {}, u: {} });
  finish(calls, calls.submit({ idempotencyKey: "k" }), "x");
  for (const other of [{ tool: "u" }, { fingerprint: "g" }])
    expect(calls.decide({ idempotencyKey: "k", ...other })).toBe("key-reused");
  expect(calls.decide({ idempotencyKey: "k", run: undefined })).toBe("admitted");
});

it("nothing of it is rejected in the mode that observes, but what is done is answered", () => {
  const calls = new Calls({ mode: "observe" });
  const first = calls.submit({ idempotencyKey: "k" });
  const second = calls.submit({ idempotencyKey: "k" });
  finish(calls, second, "second");
  expect(second.outcome?.observed).toMatchObject([{ code: "already-running" }]);
  finish(calls, first, "first");
  expect(seen(calls.submit({ idempotencyKey: "k" }))).toBe("second");
});
