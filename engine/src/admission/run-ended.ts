import type { Guard } from "./guard.ts";

/** Rejects every call of a run that has ended, and of a run that nobody remembers all but tools that only read. */
export const runEndedGuard: Guard = ({ run, policy }) => {
  if (!run) return undefined;
  if (run.endedBecause !== null) return { code: "run-ended", figures: { detail: run.endedBecause } };
  if (run.isRemembered || policy.readOnly) return undefined;
  return { code: "history-lost", figures: { detail: "the journal of its run cannot be read" } };
};
