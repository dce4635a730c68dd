import { describe, expect, it } from "vitest";
import { codes } from "./codes.generated.ts";
import { describeEnding, failureOutcome, render } from "./describe.ts";

const facts = { callId: "c-1", tool: "fetch", path: ["plan", "fetch"], elapsedMs: 2_004, attempts: 1 };

describe("a failure", () => {
  it("names the limit and the figure seen, and is frozen all the way down", () => {
    const [code, figures] = describeEnding({ type: "expired", observedMs: 2_003.4 }, 2_000);
    const outcome = failureOutcome(code, facts, "host", figures);
    expect(outcome).toMatchObject({
      status: "timed-out",
      callId: "c-1",
      placement: "host",
      failure: { code: "timed-out", message: "fetch passed its deadline: limit 2 s, observed 2 s.", retryable: false },
    });
    expect(outcome.failure.forModel).toContain("It may still be running");
    expect(Object.isFrozen(outcome.failure.path)).toBe(true);
  });

  it("says of a worker that it was stopped, of a host body that it may still run", () => {
    const [code, figures] = describeEnding({ type: "expired", observedMs: 10 }, 10);
    expect(failureOutcome(code, facts, "worker", figures).failure.forModel).toContain("was stopped after 10 ms");
  });

  it("carries the error of the body with its causes", () => {
    const error = { name: "KeyError", message: "'x'", stack: "…", cause: { name: "OSError", message: "", stack: "" } };
    const [code, figures] = describeEnding({ type: "raised", error }, null);
    const { failure } = failureOutcome(code, facts, "host", figures);
    expect(failure).toMatchObject({ code: "tool-error", error, message: "fetch failed with KeyError: 'x'." });
  });

  it("tells a signal from an exit code", () => {
    expect(describeEnding({ type: "crashed", signal: "SIGSEGV", exitCode: null }, null)[1].detail).toBe(
      "signal SIGSEGV",
    );
    expect(describeEnding({ type: "crashed", signal: null, exitCode: 3 }, null)[1].detail).toBe("exit code 3");
  });

  it("leaves no hole of a text unfilled that its endings can fill", () => {
    const error = { name: "E", message: "m", stack: "" };
    const endings = [
      { type: "raised", error },
      { type: "expired", observedMs: 5 },
      { type: "not-run", detail: "d" },
      { type: "not-started", waitedMs: 9, limitMs: 8 },
      { type: "invalid", detail: "d" },
      { type: "load-failed", error },
      { type: "cannot-move", detail: "d", started: true },
      { type: "crashed", signal: null, exitCode: null },
      { type: "over-quota", quota: "cpu", observed: 1_100, limit: 1_000 },
      { type: "over-quota", quota: "memory", observed: 3e8, limit: 256e6 },
      { type: "over-quota", quota: "processes", observed: 3, limit: 2 },
      { type: "over-quota", quota: "output", observed: 20, limit: 10 },
      { type: "too-large", part: "result", observedBytes: 3e8, limitBytes: 2e8, started: true },
      { type: "cancelled", detail: "d", body: "not-started" },
    ] as const;
    for (const ending of endings) {
      const [code, figures] = describeEnding(ending, 5);
      const { message, forModel } = failureOutcome(code, facts, "worker", figures).failure;
      expect(`${message} ${forModel}`).not.toMatch(/[{}]/);
    }
  });

  it("has the codes that users rely on", () => {
    expect(Object.keys(codes).sort()).toEqual([
      "agent-ended",
      "already-done",
      "already-running",
      "ancestor-cycle",
      "breaker-open",
      "budget-exceeded",
      "call-cycle",
      "cancelled",
      "cannot-move",
      "cpu-quota",
      "deadlock",
      "dependency-failed",
      "depth-exceeded",
      "effect-unknown",
      "history-lost",
      "host-stuck",
      "in-flight-limit",
      "invalid-input",
      "key-reused",
      "lost",
      "memory-pressure",
      "memory-quota",
      "not-recorded",
      "output-quota",
      "overloaded",
      "process-quota",
      "rate-limit",
      "reentry-limit",
      "repeated-call",
      "run-ended",
      "same-failure",
      "same-result",
      "timed-out",
      "too-large",
      "tool-error",
      "tool-load-failed",
      "unknown-tool",
      "usage-limit",
      "wait-timed-out",
      "worker-crashed",
    ]);
  });
});

describe("render", () => {
  it("does not fill holes that a value brings along", () => {
    expect(render("{tool}: {detail}", { tool: "{detail}", detail: "d" })).toBe("{detail}: d");
  });
});
