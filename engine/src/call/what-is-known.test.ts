import { describe, expect, it } from "vitest";
import { type Code, codes } from "./codes.generated.ts";
import { failureOutcome } from "./describe.ts";

const figures = { limit: "LIMIT", observed: "OBSERVED", detail: "DETAIL", retryAfterMs: 1_000 };

function textFor(code: Code, attempts: number, isRepeatable: boolean, placement: "host" | "worker"): string {
  const facts = { callId: "c-1", tool: "TOOL", path: ["TOOL"], elapsedMs: 1, attempts };
  // What is known of a cancelled body is in the detail.
  const detail =
    code === "cancelled" ? "DETAIL: its body was stopped, and may have had effects before" : figures.detail;
  return failureOutcome(code, facts, placement, { ...figures, detail }, {}, { isRepeatable }).failure.forModel;
}

/** Where a body may have begun, these codes say what that means; every other status says that none ran, or how it ended. */
const WITH_A_BODY = (Object.keys(codes) as Code[]).filter((code) =>
  ["timed-out", "killed", "lost", "cancelled"].includes(codes[code].status),
);
const NEVER_BEGAN: readonly Code[] = ["wait-timed-out"];

describe("every text for the model says only what is known", () => {
  const all = (Object.keys(codes) as Code[]).flatMap((code) =>
    (["host", "worker"] as const).map((placement) => [code, placement] as const),
  );

  it.each(all)(
    "(%s, %s) of a tool that reads only, or may be called again: no effects, no ban on calling again",
    (code, placement) => {
      if (code === "effect-unknown" || code === "history-lost") return; // never of such a tool
      for (const attempts of [0, 1]) {
        const text = textFor(code, attempts, true, placement);
        if (code === "cancelled" && attempts === 0) continue; // its detail says it
        expect(text).not.toMatch(/effects?\b|[Dd]o not repeat|verify/);
      }
    },
  );

  it.each(all)("(%s, %s) of a call whose body did not start: nothing about what it did", (code, placement) => {
    // These speak of another call, or are of bodies that have begun.
    const began: readonly Code[] = ["timed-out", "cpu-quota", "memory-quota", "process-quota", "output-quota"];
    const others: readonly Code[] = [
      "memory-pressure",
      "worker-crashed",
      "effect-unknown",
      "history-lost",
      "cancelled",
    ];
    if ([...began, ...others].includes(code)) return;
    expect(textFor(code, 0, false, placement)).not.toMatch(
      /effects (before|have)|may have had|unknown whether|stopped after/,
    );
  });

  it.each(WITH_A_BODY.filter((code) => !NEVER_BEGAN.includes(code)))(
    "(%s) of a tool that may have effects, whose body began: that there may be some",
    (code) => {
      for (const placement of ["host", "worker"] as const) {
        expect(textFor(code, 1, false, placement)).toMatch(/effects|unknown whether .* did its work/i);
      }
    },
  );

  it.each(["too-large", "cannot-move"] as const)(
    "(%s) of a body that ran to its end: that its effects have happened",
    (code) => {
      expect(textFor(code, 1, false, "worker")).toMatch(/ran, .*Its effects have happened/);
      expect(textFor(code, 0, false, "worker")).toMatch(/was not run/);
    },
  );

  it.each(all)("(%s, %s) leaves no hole", (code, placement) => {
    for (const attempts of [0, 1])
      for (const isRepeatable of [false, true])
        expect(textFor(code, attempts, isRepeatable, placement)).not.toMatch(/[{}]|undefined/);
  });
});
