import type { LoopHistory, Repetition, Streak } from "../run/loop-history.ts";

/**
 * Whether a call may try again what it was, or would be, refused: a call of at least the pause lies between (it waited and
 * looks again), or the pause is over since it was refused.
 */
export function isPaused(
  history: LoopHistory | undefined,
  fingerprint: string,
  { refusedAtMs }: Repetition,
  pauseMs: number,
  nowMs: number,
): boolean {
  if (refusedAtMs !== null && nowMs - refusedAtMs >= pauseMs) return true;
  return history !== undefined && history.longestSinceMs(fingerprint) >= pauseMs;
}

/** How long a refused call has to wait until one is let through. */
export function pauseLeftMs({ refusedAtMs }: Repetition | Streak, pauseMs: number, nowMs: number): number {
  return refusedAtMs === null ? pauseMs : Math.max(0, refusedAtMs + pauseMs - nowMs);
}
