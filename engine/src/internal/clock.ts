import { readFileSync } from "node:fs";

/** A timer that has been set. Cancelling it twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void;
  /** From now on it does not keep the process alive. */
  unref?(): void;
}

/**
 * The one source of time. Decisions take instants as arguments; only the rim reads a clock, so that every test of time
 * can run on a fake one.
 */
export interface Clock {
  /** Monotonic milliseconds since an arbitrary origin. */
  now(): number;
  /**
   * The same instant for other processes, and for those that come later: monotonic milliseconds since an origin that all processes share
   * until the machine is started anew; `boot` tells one start from another. Nobody's setting of the time of day changes it.
   */
  machineNow(): { readonly ms: number; readonly boot: string };
  /** Calls `fire` once, `delayMs` from now or later, after what has come by then is read. The timer keeps the process alive: it stands for a call in flight. */
  setTimer(delayMs: number, fire: () => void): Timer;
}

/** Node's longest timer; a longer one would fire at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

let readBootId: string | undefined;

/** Empty where the system has none. */
function bootId(): string {
  try {
    readBootId ??= readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    readBootId = "";
  }
  return readBootId;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  machineNow: () => ({ ms: Number(process.hrtime.bigint()) / 1e6, boot: bootId() }),
  setTimer(delayMs, fire) {
    const dueMs = performance.now() + delayMs;
    let handle: NodeJS.Timeout;
    let afterReading: NodeJS.Immediate | undefined;
    let keepsAlive = true;
    const arm = (): void => {
      // Node's timers may fire up to a millisecond early: a deadline is never answered before it has passed.
      const leftMs = dueMs - performance.now();
      // What came while the loop was busy is read first: what ended in time is not late.
      if (leftMs <= 0) afterReading = setImmediate(fire);
      else handle = setTimeout(arm, Math.min(Math.ceil(leftMs), MAX_DELAY_MS));
      if (!keepsAlive) (afterReading ?? handle).unref();
    };
    handle = setTimeout(arm, Math.max(1, Math.min(Math.ceil(delayMs), MAX_DELAY_MS)));
    return {
      cancel() {
        clearTimeout(handle);
        clearImmediate(afterReading);
      },
      unref() {
        keepsAlive = false;
        (afterReading ?? handle).unref();
      },
    };
  },
};
