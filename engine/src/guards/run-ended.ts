import type { Guard } from "./guard.ts";

/** Rejects every call of a run that has ended. */
export const runEndedGuard: Guard = {
  bounds: "calls",
  retries: true,
  check: ({ run }) => {
    if (!run || run.endedBecause === null) return undefined;
    return { code: "run-ended", figures: { detail: run.endedBecause } };
  },
};

/** Rejects every call of an agent that was ended at its task: others of the run go on. */
export const agentEndedGuard: Guard = {
  bounds: "calls",
  check: ({ history }) => {
    if (!history || history.endedBecause === null) return undefined;
    return { code: "agent-ended", figures: { detail: history.endedBecause } };
  },
};

/** Where nobody knows what was done before, lets only those through that change nothing, or that no lost count bounds. */
export const historyGuard: Guard = {
  bounds: "bodies",
  check: ({ run, policy, forgottenAtMs, isKeyed, nowMs }) => {
    if (policy.readOnly) return undefined;
    if (run && !run.isRemembered)
      return { code: "history-lost", figures: { detail: "the journal of its run cannot be read" } };
    if (forgottenAtMs === null) return undefined;
    const { maxCalls, rateLimit, idempotent } = policy;
    // What started before is out of the window at last; a count and a key are for good.
    const isRated = rateLimit !== null && nowMs - forgottenAtMs < rateLimit.windowMs;
    const isTwice = isKeyed && !run && !idempotent;
    if (maxCalls === null && !isRated && !isTwice) return undefined;
    return { code: "history-lost", figures: { detail: "the engine's journal cannot be read" } };
  },
};
