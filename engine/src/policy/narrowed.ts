import type { Policy } from "./policy.ts";

/** What is narrower the smaller it is; null is no bound. What decides where or how a body runs is not among it. */
const BOUNDS = [
  "timeoutMs",
  "maxCalls",
  "maxCallsPerRun",
  "maxInFlight",
  "waitTimeoutMs",
  "maxReentry",
  "cpuTimeMs",
  "memoryBytes",
  "maxProcesses",
  "maxOutputBytes",
  "maxResultBytes",
  "maxAttempts",
  "maxStuck",
  "maxDepth",
  "budgetCalls",
  "budgetFailures",
  "budgetWallTimeMs",
  "budgetToolTimeMs",
  "sameCallReject",
  "sameResultReject",
  "sameFailureReject",
  "pollReject",
  "cycleReject",
  "rejectionsToEndAgent",
] as const satisfies readonly (keyof Policy)[];

/**
 * The limits of a tool as somebody may use it who can only narrow them: the smaller of each two. `cache: false` is narrower, too: neither
 * does he get what was kept for others, nor others what he says his body returned.
 */
export function narrowed(policy: Policy, by: Partial<Policy>): Policy {
  const changes: Partial<Record<keyof Policy, number | boolean>> = {};
  if (by.cache === false && policy.cache) changes.cache = false;
  for (const name of BOUNDS) {
    const bound = by[name];
    const now = policy[name];
    if (bound !== undefined && bound !== null && (now === null || bound < now)) changes[name] = bound;
  }
  return Object.keys(changes).length === 0 ? policy : Object.freeze({ ...policy, ...changes } as Policy);
}
