import { AsyncResource } from "node:async_hooks";
import { readFileSync } from "node:fs";
import type { Clock, Timer } from "./clock.ts";
import { Deadline, Deadlines } from "./deadlines.ts";

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
  return new SystemClock();
}

class SystemClock implements Clock {
  /** How many timers keep the process alive. */
  #keepers = 0;
  #shared: NodeTimer | undefined;
  readonly #outsideCalls = new AsyncResource("EndstopTimers");
  readonly #deadlines = new Deadlines({
    now: () => this.now(),
    machineNow: () => this.machineNow(),
    setTimer: (delayMs, fire) => {
      this.#shared = this.#outsideCalls.runInAsyncScope(() => new NodeTimer(delayMs, fire, this.#keepers > 0));
      return this.#shared;
    },
  });

  now(): number {
    return performance.now();
  }

  machineNow(): { ms: number; boot: string } {
    return { ms: Number(process.hrtime.bigint()) / 1e6, boot: bootId() };
  }

  setTimer(delayMs: number, fire: () => void): Timer {
    this.count(1);
    const timer = new SharedTimer(this, this.#deadlines, fire);
    this.#deadlines.add(timer, this.now() + delayMs);
    return timer;
  }

  /** A timer keeps the process alive from now on, or does not any more. */
  count(change: 1 | -1): void {
    this.#keepers += change;
    if (this.#keepers === (change === 1 ? 1 : 0)) this.#shared?.keepAlive(this.#keepers > 0);
  }
}

class SharedTimer extends Deadline implements Timer {
  readonly #clock: SystemClock;
  readonly #deadlines: Deadlines;
  readonly #fire: () => void;
  #keepsAlive = true;

  constructor(clock: SystemClock, deadlines: Deadlines, fire: () => void) {
    super();
    this.#clock = clock;
    this.#deadlines = deadlines;
    this.#fire = fire;
  }

  fire(): void {
    this.unref();
    this.#fire.call(undefined);
  }

  cancel(): void {
    this.unref();
    this.#deadlines.callOff(this);
  }

  unref(): void {
    if (this.#keepsAlive) this.#clock.count(-1);
    this.#keepsAlive = false;
  }
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
