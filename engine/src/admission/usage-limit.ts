import type { Guard } from "./guard.ts";

/** Rejects a call past the tool's number of calls, of the engine or of the run. */
export const usageLimitGuard: Guard = ({ tool, policy, engineUsage, runUsage }) => {
  const exceeds = (used: number, limit: number | null, scope: string) =>
    limit !== null && used >= limit
      ? ({ code: "usage-limit", figures: { limit: String(limit), observed: String(used + 1), detail: scope } } as const)
      : undefined;
  return (
    exceeds(engineUsage.of(tool), policy.maxCalls, "engine") ??
    (runUsage && exceeds(runUsage.of(tool), policy.maxCallsPerRun, "run"))
  );
};
