import type { Policy } from "../policy/policy.ts";
import type { Run } from "../state/run.ts";
import { formatDuration } from "../util/duration.ts";
import type { Guard, Rejection } from "./guard.ts";

/** Rejects a call of a run that has spent one of its budgets. They count over the run's whole tree. */
export const budgetGuard: Guard = {
  bounds: "calls",
  retries: true,
  check: ({ run, policy, nowMs }) => {
    if (!run) return undefined;
    const { budgetCalls, budgetFailures, budgetWallTimeMs, budgetToolTimeMs } = policy;
    if (budgetCalls !== null && run.bodies >= budgetCalls)
      return exceeded(budgetCalls, run.bodies, "calls", "budgetCalls");
    if (budgetFailures !== null && run.failures >= budgetFailures) {
      return exceeded(budgetFailures, run.failures, "failures", "budgetFailures");
    }
    const wallMs = nowMs - run.openedAtMs;
    if (budgetWallTimeMs !== null && wallMs >= budgetWallTimeMs) {
      return exceeded(formatDuration(budgetWallTimeMs), formatDuration(wallMs), "of wall time", "budgetWallTime");
    }
    if (budgetToolTimeMs === null) return undefined;
    const toolMs = run.toolTimeMs(nowMs);
    if (toolMs < budgetToolTimeMs) return undefined;
    return exceeded(formatDuration(budgetToolTimeMs), formatDuration(toolMs), "of tool time", "budgetToolTime");
  },
};

function exceeded(
  limit: number | string,
  observed: number | string,
  detail: string,
  option: string,
): Rejection | undefined {
  return { code: "budget-exceeded", figures: { limit: String(limit), observed: String(observed), detail, option } };
}

/** What is left of a run's time budgets, for the deadline of a call that starts now; null is no bound. */
export function timeLeftMs(run: Run, policy: Policy, nowMs: number): number | null {
  const { budgetWallTimeMs, budgetToolTimeMs } = policy;
  if (budgetWallTimeMs === null && budgetToolTimeMs === null) return null;
  const wallMs = budgetWallTimeMs === null ? Number.POSITIVE_INFINITY : budgetWallTimeMs - (nowMs - run.openedAtMs);
  const toolMs = budgetToolTimeMs === null ? Number.POSITIVE_INFINITY : budgetToolTimeMs - run.toolTimeMs(nowMs);
  return Math.min(wallMs, toolMs);
}
