import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Trace } from "../call/trace-of.ts";
import { Ledger, type LedgerCall } from "./ledger.ts";

const pay: LedgerCall = { tool: "pay", fingerprint: "f", effect: "each-time" };

describe("a call whose effect is unknown", () => {
  it("is not run again with the same input, and with another it is", () => {
    const ledger = new Ledger<string>();
    ledger.begin("1", pay);
    ledger.end("1", "unknown", null);
    expect(ledger.decide(pay)).toEqual({ type: "effect-unknown", earlier: "1" });
    expect(ledger.decide({ ...pay, fingerprint: "g" })).toEqual({ type: "run" });
    expect(ledger.decide({ ...pay, fingerprint: null })).toEqual({ type: "run" });
  });

  it("is not run again either by a call that was admitted before, and waited", () => {
    const ledger = new Ledger<string>();
    for (const id of ["1", "2"]) ledger.begin(id, { ...pay, requestId: id });
    ledger.end("1", "unknown", null);
    expect(ledger.decideAtStart({ ...pay, requestId: "2" })).toEqual({ type: "effect-unknown", earlier: "1" });
  });

  it("is run again where a second body does no harm", () => {
    const ledger = new Ledger<string>();
    for (const effect of ["none", "once"] as const) {
      ledger.begin(effect, { ...pay, effect });
      ledger.end(effect, "unknown", null);
      expect(ledger.decide({ ...pay, effect })).toEqual({ type: "run" });
    }
  });

  it("is known when its body's own end is seen late, unless another one of the same input stays unknown", () => {
    const ledger = new Ledger<string>();
    for (const id of ["1", "2"]) ledger.begin(id, pay);
    for (const id of ["1", "2"]) ledger.end(id, "unknown", null);
    ledger.end("2", "whole", "late");
    expect(ledger.decide(pay)).toEqual({ type: "effect-unknown", earlier: "1" });
    ledger.end("1", "none", null);
    expect(ledger.decide(pay)).toEqual({ type: "run" });
  });

  it("is not run again where the ledger had to forget it: its tool's calls are then unknown as a whole", () => {
    const ledger = new Ledger<string>({ maxUnknown: 2 });
    for (const id of ["1", "2", "3"]) {
      ledger.begin(id, { ...pay, fingerprint: id });
      ledger.end(id, "unknown", null);
    }
    expect(ledger.decide({ ...pay, fingerprint: "1" })).toEqual({ type: "effect-unknown", earlier: "1" });
    expect(ledger.decide({ ...pay, tool: "other", fingerprint: "1" })).toEqual({ type: "run" });
  });
});

describe("a request that the framework repeats", () => {
  const call = { ...pay, requestId: "r" };

  it("is answered with what came of it, and the model that asks again is not", () => {
    const ledger = new Ledger<string>();
    ledger.begin("1", call);
    expect(ledger.decide(call)).toEqual({ type: "in-flight", earlier: "1" });
    ledger.end("1", "whole", "paid");
    expect(ledger.decide(call)).toEqual({ type: "done", earlier: "1", stored: "paid" });
    expect(ledger.decide(pay)).toEqual({ type: "run" });
    expect(ledger.decide({ ...pay, requestId: "s" })).toEqual({ type: "run" });
  });

  it("is run again if no body ran, and is another call if its input is another or cannot be compared", () => {
    const ledger = new Ledger<string>();
    ledger.begin("1", call);
    ledger.end("1", "none", null);
    expect(ledger.decide(call)).toEqual({ type: "run" });
    ledger.begin("2", call);
    ledger.end("2", "whole", "paid");
    expect(ledger.decide({ ...call, fingerprint: "g" })).toEqual({ type: "run" });
    ledger.begin("3", { ...call, fingerprint: null });
    ledger.end("3", "whole", "paid");
    expect(ledger.decide({ ...call, fingerprint: null })).toEqual({ type: "run" });
  });
});

it("gives a name back to the call that had it before, if the one that took it ran no body", () => {
  const ledger = new Ledger<string>();
  const call = { ...pay, requestId: "r" };
  ledger.begin("1", call);
  ledger.end("1", "unknown", null);
  ledger.begin("2", { ...call, effect: "none" });
  ledger.end("1", "whole", "paid");
  ledger.end("2", "none", null);
  expect(ledger.decide(call)).toEqual({ type: "done", earlier: "1", stored: "paid" });
});

describe("an idempotency key", () => {
  const call = { ...pay, idempotencyKey: "k" };

  it("makes calls one: answered with what came of it, also where the input cannot be compared", () => {
    for (const fingerprint of ["f", null]) {
      const ledger = new Ledger<string>();
      ledger.begin("1", { ...call, fingerprint });
      ledger.end("1", "whole", "paid");
      expect(ledger.decide({ ...call, fingerprint, requestId: "new" }).type).toBe("done");
    }
  });

  it("does not run again what ended unknown, also where the input cannot be compared", () => {
    const ledger = new Ledger<string>();
    ledger.begin("1", { ...call, fingerprint: null });
    ledger.end("1", "unknown", null);
    expect(ledger.decide({ ...call, fingerprint: null })).toEqual({ type: "effect-unknown", earlier: "1" });
  });

  it("that belongs to another input is told", () => {
    const ledger = new Ledger<string>();
    ledger.begin("1", call);
    expect(ledger.decide({ ...call, fingerprint: "g" })).toEqual({ type: "key-reused", earlier: "1" });
  });
});

it("keeps what came of the last calls that can be repeated, and no others", () => {
  const ledger = new Ledger<string>({ maxDone: 2 });
  for (const requestId of ["a", "b", "c"]) {
    ledger.begin(requestId, { ...pay, requestId });
    ledger.end(requestId, "whole", requestId);
  }
  expect(["a", "b", "c"].map((requestId) => ledger.decide({ ...pay, requestId }).type)).toEqual([
    "run",
    "done",
    "done",
  ]);
});

it("decides as an obvious model does that keeps everything", () => {
  const call = fc.record({
    tool: fc.constant("x"), // the fingerprint says which tool
    fingerprint: fc.constantFrom("f", "g", null),
    effect: fc.constantFrom("each-time" as const, "none" as const),
    requestId: fc.constantFrom(undefined, "r", "s"),
  });
  const step = fc.oneof(
    fc.record({ type: fc.constant("call" as const), call }),
    fc.record({
      type: fc.constant("end" as const),
      which: fc.nat(100),
      trace: fc.constantFrom<Trace>("none", "whole", "unknown"),
    }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const ledger = new Ledger<string>();
      const all: { id: string; call: LedgerCall; trace: Trace | "in-flight" }[] = [];
      for (const next of steps) {
        if (next.type === "end") {
          const open = all.filter(({ trace }) => trace === "in-flight" || trace === "unknown");
          const ended = open[next.which % Math.max(1, open.length)];
          if (!ended) continue;
          if (ended.trace === "unknown" && ended.call.effect === "none") continue;
          ended.trace = next.trace;
          ledger.end(ended.id, next.trace, ended.id);
          continue;
        }
        const { call } = next;
        const repeated = all.findLast(
          (earlier) =>
            call.requestId !== undefined &&
            call.fingerprint !== null &&
            earlier.call.requestId === call.requestId &&
            earlier.call.fingerprint === call.fingerprint &&
            earlier.trace !== "none" &&
            !(earlier.trace === "unknown" && earlier.call.effect === "none"),
        );
        const unknown = all.some(
          (earlier) =>
            earlier.trace === "unknown" &&
            earlier.call.effect === "each-time" &&
            call.fingerprint !== null &&
            earlier.call.fingerprint === call.fingerprint,
        );
        const decision = ledger.decide(call).type;
        if (repeated?.trace === "whole") expect(decision).toBe("done");
        else if (repeated?.trace === "in-flight") expect(decision).toBe("in-flight");
        else if (call.effect === "each-time" && unknown) expect(decision).toBe("effect-unknown");
        else expect(decision).toBe("run");
        // A call with the same name takes its place only if it runs.
        if (decision !== "run") continue;
        const id = `${all.length}`;
        all.push({ id, call, trace: "in-flight" });
        ledger.begin(id, call);
      }
    }),
    { numRuns: 500 },
  );
});
