import type { Cycle } from "../state/loop-history.ts";
import type { LoopGuard } from "./guard.ts";
import { isPaused, repeatedPauseLeftMs } from "./pause.ts";

/** Two to eight calls that go round with the same results: A-B-A-B, A-B-C-A-B-C. A cycle with a poller, or with a pause, in it is none. */
export const callCycle: LoopGuard = {
  bounds: "calls",
  check: ({ policy: { cycleReject, repeatPauseMs }, fingerprint, history, nowMs }) => {
    if (cycleReject === null || fingerprint === null) return undefined;
    const cycle = history?.cycle(cycleReject - 1, fingerprint);
    if (!cycle) return undefined;
    const repetition = history?.repetition(fingerprint);
    if (repetition && isPaused(history, fingerprint, repetition, repeatPauseMs, nowMs)) return undefined;
    const figures = { limit: String(cycleReject), observed: String(cycle.rounds), detail: describe(cycle) };
    if (!repetition) return { code: "call-cycle", figures };
    const retryAfterMs = repeatedPauseLeftMs(repetition, repeatPauseMs, nowMs);
    return { code: "call-cycle", figures: { ...figures, retryAfterMs } };
  },
  notice: ({ policy: { cycleNotice, repeatPauseMs }, history, fingerprint }) => {
    const cycle = cycleNotice === null ? undefined : history.cycle(cycleNotice);
    if (!cycle || history.hasWaited(fingerprint, repeatPauseMs, 1)) return undefined;
    return (
      `Note: you went through ${describe(cycle)} ${cycle.rounds} times and the results did not change. ` +
      "Use them, or try something different."
    );
  },
};

function describe({ labels }: Cycle): string {
  return labels.join(" → ");
}
