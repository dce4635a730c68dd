import type { LoopHistory, Repetition, Streak } from "../state/loop-history.ts";

/**
 * Whether a call may try again what it was, or would be, refused: its agent has waited since and looks again (a call lies between that
 * took as long as the pause, or as long as its own input says), or the pause is over since it was refused. That doubles each time.
 */
export function isPaused(
  history: LoopHistory | undefined,
  fingerprint: string,
  repetition: Repetition,
  pauseMs: number,
  nowMs: number,
): boolean {
  if (repetition.refusedAtMs !== null && repeatedPauseLeftMs(repetition, pauseMs, nowMs) === 0) return true;
  return history?.hasWaited(fingerprint, pauseMs) ?? false;
}

/** The same for a call that repeats itself, whose pause doubles each time it was let through in vain. */
export function repeatedPauseLeftMs(repetition: Repetition, pauseMs: number, nowMs: number): number {
  return pauseLeftMs(repetition, pauseMs * 2 ** repetition.pauses, nowMs);
}

/** How long a refused call has to wait until one is let through. */
export function pauseLeftMs({ refusedAtMs }: Repetition | Streak, pauseMs: number, nowMs: number): number {
  return refusedAtMs === null ? pauseMs : Math.max(0, refusedAtMs + pauseMs - nowMs);
}
