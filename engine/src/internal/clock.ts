import { AsyncResource } from "node:async_hooks";
import { readFileSync } from "node:fs";
import { Deadlines } from "./deadlines.ts";

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

/**
 * All of its timers share one of Node's, so that a call's deadline costs no timer of its own, and a hundred thousand of them no more than one.
 * It fires in no call's asynchronous context.
 */
export function createSystemClock(): Clock {
  /** How many timers keep the process alive. */
  let keepers = 0;
  let shared: NodeTimer | undefined;
  const outsideCalls = new AsyncResource("EndstopTimers");
  const now = (): number => performance.now();
  const machineNow = (): { ms: number; boot: string } => ({
    ms: Number(process.hrtime.bigint()) / 1e6,
    boot: bootId(),
  });
  const deadlines = new Deadlines({
    now,
    machineNow,
    setTimer(delayMs, fire) {
      shared = outsideCalls.runInAsyncScope(() => new NodeTimer(delayMs, fire, keepers > 0));
      return shared;
    },
  });
  const count = (change: 1 | -1): void => {
    keepers += change;
    if (keepers === (change === 1 ? 1 : 0)) shared?.keepAlive(keepers > 0);
  };
  return {
    now,
    machineNow,
    setTimer(delayMs, fire) {
      let keeps = true;
      const release = (): void => {
        if (keeps) count(-1);
        keeps = false;
      };
      count(1);
      const callOff = deadlines.set(delayMs, () => {
        release();
        fire();
      });
      return {
        cancel() {
          release();
          callOff();
        },
        unref: release,
      };
    },
  };
}

/** One timer of Node's that fires neither early nor before what has come is read. */
class NodeTimer implements Timer {
  readonly #dueMs: number;
  readonly #fire: () => void;
  #keepsAlive: boolean;
  #timeout: NodeJS.Timeout;
  #afterReading: NodeJS.Immediate | undefined;

  constructor(delayMs: number, fire: () => void, keepsAlive: boolean) {
    this.#dueMs = performance.now() + delayMs;
    this.#fire = fire;
    this.#keepsAlive = keepsAlive;
    this.#timeout = this.#armed(delayMs);
  }

  cancel(): void {
    clearTimeout(this.#timeout);
    clearImmediate(this.#afterReading);
  }

  keepAlive(keepsAlive: boolean): void {
    this.#keepsAlive = keepsAlive;
    if (keepsAlive) this.#timeout.ref();
    else this.#timeout.unref();
  }

  #armed(leftMs: number): NodeJS.Timeout {
    const timeout = setTimeout(() => this.#due(), Math.max(1, Math.min(Math.ceil(leftMs), MAX_DELAY_MS)));
    return this.#keepsAlive ? timeout : timeout.unref();
  }

  #due(): void {
    // Node's timers may fire up to a millisecond early: a deadline is never answered before it has passed.
    const leftMs = this.#dueMs - performance.now();
    if (leftMs > 0) this.#timeout = this.#armed(leftMs);
    // What came while the loop was busy is read first: what ended in time is not late. Never without a reference: the loop would
    // sleep until something else wakes it.
    else this.#afterReading = setImmediate(this.#fire);
  }
}

export const systemClock = createSystemClock();
