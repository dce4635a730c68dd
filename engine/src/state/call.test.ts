import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { failureOutcome } from "../call/describe.ts";
import { attemptTimeoutMs, type Call, type CallEvent, type CallState, rebuildMs, transition } from "./call.ts";

const facts = { callId: "c-1", tool: "t", path: ["t"], elapsedMs: 1, attempts: 1 };
const outcome = failureOutcome("lost", facts, "host");
const submitted: CallState = { type: "submitted" };
const running: CallState = { type: "running", attempt: 1 };

describe("a call's life", () => {
  it("goes from submitted over admitted and running to settled", () => {
    const admitted = transition(submitted, { type: "admit" });
    expect(admitted).toEqual({ type: "admitted", attempt: 1 });
    expect(transition(admitted, { type: "start" })).toEqual(running);
    expect(transition(running, { type: "settle", attempt: 1, outcome })).toEqual({ type: "settled", outcome });
  });

  it("ignores the ending of another attempt", () => {
    expect(transition(running, { type: "settle", attempt: 2, outcome })).toBe(running);
    expect(transition(submitted, { type: "settle", attempt: 1, outcome })).toBe(submitted);
  });

  it("settles whatever it is doing when the call as a whole ends", () => {
    for (const state of [submitted, running])
      expect(transition(state, { type: "settle", outcome }).type).toBe("settled");
  });

  it("has one outcome, and keeps it, under any sequence of events", () => {
    const event: fc.Arbitrary<CallEvent> = fc.oneof(
      fc.constant({ type: "admit" } as const),
      fc.constant({ type: "start" } as const),
      fc.record({ type: fc.constant("settle" as const), attempt: fc.constantFrom(1, 2), outcome: outcomes() }),
      fc.record({ type: fc.constant("settle" as const), outcome: outcomes() }),
    );
    const order = ["submitted", "admitted", "running", "settled"];
    fc.assert(
      fc.property(fc.array(event), (events) => {
        let state: CallState = submitted;
        for (const each of events) {
          const next = transition(state, each);
          expect(order.indexOf(next.type)).toBeGreaterThanOrEqual(order.indexOf(state.type));
          if (state.type === "settled") expect(next).toBe(state);
          state = next;
        }
      }),
    );
  });
});

describe("the one deadline of a call in a worker", () => {
  const call = (more: Partial<Call>) => ({ state: running, timeoutMs: 5_000, preparedMs: 0, ...more }) as Call;

  it.each([
    [{}, 5_000],
    [{ preparedMs: 4_000 }, 1_000],
    [{ preparedMs: 9_000 }, 1],
    [{ timeoutMs: null, preparedMs: 4_000 }, null],
    [{ state: { type: "running", attempt: 2 }, preparedMs: 4_000, startedAtMs: 100 }, 500],
  ] as const)("leaves a body of %j %s ms after its preparation", (more, left) => {
    expect(attemptTimeoutMs(call(more), 4_600)).toBe(left);
  });

  it.each([
    [{}, 5_000],
    [{ startedAtMs: 3_000 }, 3_400],
    [{ startedAtMs: 100 }, 1_000],
    [{ startedAtMs: 100, timeoutMs: 300 }, 300],
    [{ startedAtMs: 100, timeoutMs: null }, null],
  ])("leaves the result of %j %s ms to be rebuilt", (more, left) => {
    expect(rebuildMs(call(more), 4_600)).toBe(left);
  });
});

function outcomes(): fc.Arbitrary<typeof outcome> {
  return fc.constantFrom("lost", "cancelled", "timed-out").map((code) => failureOutcome(code as "lost", facts, "host"));
}
