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
