import type { Ending } from "../call/ending.ts";
import type { Placement } from "../call/outcome.ts";
import { type Effect, isRepeatable } from "../policy/effect.ts";
import type { Policy } from "../policy/policy.ts";

/** When a failed attempt is tried again. */
export interface RetryLimits {
  /** Attempts in all, the first one included. */
  readonly maxAttempts: number;
  /** The longest wait before the second attempt; it doubles with each further one. */
  readonly firstDelayMs: number;
  /** The longest wait before any attempt. */
  readonly maxDelayMs: number;
}

/** Null where one attempt is all. */
export function retryLimits({ maxAttempts, retryDelayMs, maxRetryDelayMs }: Policy): RetryLimits | null {
  return maxAttempts === 1 ? null : { maxAttempts, firstDelayMs: retryDelayMs, maxDelayMs: maxRetryDelayMs };
}

/** An attempt that ended, and its call. */
export interface EndedAttempt {
  /** 1 for the first. */
  readonly attempt: number;
  readonly ending: Ending;
  readonly effect: Effect;
  readonly placement: Placement;
}

/**
 * How long to wait before another attempt, or null for none. Another body runs only if the one before certainly did not
 * start or a second one does no harm, and only for an ending that can be another next time. The wait is drawn evenly from 0
 * to a bound that doubles ("full jitter": Brooker, "Exponential backoff and jitter", AWS Architecture Blog, 2015), so that
 * callers that failed together do not come back together.
 *
 * @param limits null: retries are off
 * @param random from 0 to below 1
 */
export function retryDelay(limits: RetryLimits | null, ended: EndedAttempt, random: number): number | null {
  if (!limits || ended.attempt >= limits.maxAttempts || !mayRunAgain(ended)) return null;
  const boundMs = Math.min(limits.maxDelayMs, limits.firstDelayMs * 2 ** (ended.attempt - 1));
  return random * boundMs;
}

function mayRunAgain({ ending, effect, placement }: EndedAttempt): boolean {
  switch (ending.type) {
    case "raised":
    case "crashed":
      return isRepeatable(effect);
    case "load-failed":
      return true; // no body started
    case "expired":
      // A host body may still be running. Two at once do no harm only if they change nothing.
      return placement === "host" ? effect === "none" : isRepeatable(effect);
    default:
      // The same input would end the same way (invalid, too large, over its quota), or somebody wants it to end (cancelled).
      return false;
  }
}
