import type { Guard } from "./guard.ts";

/** Rejects every call of a run that has ended. */
export const runEndedGuard: Guard = ({ run }) => {
  if (!run || run.endedBecause === null) return undefined;
  return { code: "run-ended", figures: { detail: run.endedBecause } };
};

/** Rejects every call of an agent that was ended at its task: others of the run go on. */
export const agentEndedGuard: Guard = ({ history }) => {
  if (!history || history.endedBecause === null) return undefined;
  return { code: "agent-ended", figures: { detail: history.endedBecause } };
};

/** Where nobody knows what was done before, lets only those through that change nothing, or that no lost count bounds. */
export const historyGuard: Guard = ({ run, policy, isRemembered }) => {
  if (policy.readOnly) return undefined;
  if (run && !run.isRemembered)
    return { code: "history-lost", figures: { detail: "the journal of its run cannot be read" } };
  if (isRemembered || policy.maxCalls === null) return undefined;
  return { code: "history-lost", figures: { detail: "the engine's journal cannot be read" } };
};
