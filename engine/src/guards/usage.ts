import { rejectsUntilMs } from "../state/breaker.ts";
import { formatDuration } from "../util/duration.ts";
import type { Guard, Rejection } from "./guard.ts";

/** Rejects a call past the tool's number of bodies, of the engine or of the run. */
export const usageLimitGuard: Guard = {
  bounds: "bodies",
  retries: true,
  check: ({ tool, policy: { maxCalls, maxCallsPerRun }, usage, run }) => {
    if (maxCalls !== null && usage.bodies >= maxCalls) return usageLimit(maxCalls, usage.bodies, "engine", "maxCalls");
    if (maxCallsPerRun === null || !run) return undefined;
    const used = run.usage.of(tool).bodies;
    return used >= maxCallsPerRun ? usageLimit(maxCallsPerRun, used, "run", "maxCallsPerRun") : undefined;
  },
};

function usageLimit(limit: number, used: number, scope: string, option: string): Rejection {
  return { code: "usage-limit", figures: { limit: String(limit), observed: String(used + 1), detail: scope, option } };
}

/** Rejects a call while as many of the tool's are in flight as may be. */
export const inFlightGuard: Guard = {
  bounds: "bodies",
  check: ({ policy: { maxInFlight }, usage: { inFlight } }) => {
    if (maxInFlight === null || inFlight < maxInFlight) return undefined;
    return { code: "in-flight-limit", figures: { limit: String(maxInFlight), observed: String(inFlight) } };
  },
};

/** Rejects a call if the window that ends now holds as many starts as may be: exact over every window (a sliding log). */
export const rateLimitGuard: Guard = {
  bounds: "bodies",
  retries: true,
  check: ({ policy: { rateLimit }, usage: { startsMs }, nowMs }) => {
    const oldest = rateLimit && startsMs.at(-rateLimit.starts);
    if (!rateLimit || typeof oldest !== "number") return undefined;
    const leftMs = oldest + rateLimit.windowMs - nowMs;
    if (leftMs <= 0) return undefined;
    const limit = `${rateLimit.starts} times in ${formatDuration(rateLimit.windowMs)}`;
    return {
      code: "rate-limit",
      figures: { limit, observed: String(rateLimit.starts), detail: formatDuration(Math.ceil(leftMs)) },
    };
  },
};

/** Rejects a call while the tool's breaker is open, or its one trying call is at work. */
export const breakerGuard: Guard = {
  bounds: "bodies",
  check: ({ policy, usage: { breaker }, nowMs }) => {
    const { maxConsecutiveFailures: limit, breakerCooldownMs } = policy;
    const untilMs = limit === null ? null : rejectsUntilMs(breaker, breakerCooldownMs, nowMs);
    if (untilMs === null) return undefined;
    const figures = { limit: String(limit), observed: String(breaker.context.failures) };
    return { code: "breaker-open", figures: { ...figures, detail: formatDuration(Math.ceil(untilMs - nowMs)) } };
  },
};
