import { Worker } from "node:worker_threads";
import { type Clock, systemClock, type Timer } from "../../internal/clock.ts";
import { formatDuration } from "../../internal/duration.ts";
import { Beat } from "./watchdog-beat.ts";

/** From source the thread is a TypeScript file beside this one; in the package it is an entry of its own. */
const THREAD = import.meta.url.endsWith(".ts") ? "./watchdog-thread.ts" : "./watchdog-thread.mjs";
const THRESHOLD_MS = 1_000;
/** Where the event loop does not come back by then, the thread says so itself: this thread never may. */
const UNANSWERED_FACTOR = 5;
const BEATS_A_THRESHOLD = 4;

/** Which call a body belongs to. */
export interface WatchedCall {
  readonly tool: string;
  readonly callId: string;
}

/**
 * Names the call that blocks the event loop: no deadline, no cancel and no other call can do anything meanwhile.
 *
 * A body's first part, up to its first `await`, is known exactly. After that the runtime does not tell whose code runs, so all calls in flight
 * are named. Each is reported once, as a `process.emitWarning` with the code `ENDSTOP_BLOCKED_LOOP` when the loop is free again; after five times
 * the threshold a small thread writes the same to standard error, since the loop may never be free again. Nothing runs while no call is in flight.
 */
export class Watchdog {
  readonly #thresholdMs: number;
  readonly #clock: Clock;
  readonly #beat = new Beat();
  readonly #inFlight = new Set<WatchedCall>();
  readonly #reported = new WeakSet<WatchedCall>();
  #running: WatchedCall | undefined;
  #timer: Timer | undefined;
  #lastBeatMs = 0;
  #thread: Worker | undefined;

  constructor(thresholdMs = THRESHOLD_MS, clock: Clock = systemClock) {
    this.#thresholdMs = thresholdMs;
    this.#clock = clock;
  }

  /** Runs the first part of a call's body. The call is watched until {@link ended}. */
  run<T>(call: WatchedCall, body: () => T): T {
    this.#ensureThread();
    this.#inFlight.add(call);
    if (this.#inFlight.size === 1) this.#start();
    const outer = this.#running;
    this.#running = call;
    this.#tell();
    try {
      return body();
    } finally {
      this.#look();
      this.#running = outer;
      this.#tell();
    }
  }

  ended(call: WatchedCall): void {
    if (!this.#inFlight.has(call)) return;
    this.#look();
    this.#inFlight.delete(call);
    if (this.#inFlight.size === 0) this.#stop();
    this.#tell();
  }

  #start(): void {
    this.#lastBeatMs = this.#clock.now();
    this.#beat.advance();
    this.#arm();
  }

  #arm(): void {
    this.#timer = this.#clock.setTimer(this.#thresholdMs / BEATS_A_THRESHOLD, () => {
      this.#look();
      this.#arm();
    });
    this.#timer.unref?.();
  }

  #stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** The loop is free, or a part of a body has ended: how long was it not? */
  #look(): void {
    const nowMs = this.#clock.now();
    const blockedMs = nowMs - this.#lastBeatMs - this.#thresholdMs / BEATS_A_THRESHOLD;
    this.#lastBeatMs = nowMs;
    this.#beat.advance();
    if (blockedMs < this.#thresholdMs) return;
    const suspects = (this.#running ? [this.#running] : [...this.#inFlight]).filter(
      (call) => !this.#reported.has(call),
    );
    for (const call of suspects) this.#reported.add(call);
    if (suspects.length === 0 || this.#beat.wasReported()) return;
    const message = `The event loop was blocked for ${formatDuration(blockedMs)} ${this.#blame(suspects)}: no deadline could be kept meanwhile. Move it to a worker.`;
    process.emitWarning(message, { type: "EndstopWarning", code: "ENDSTOP_BLOCKED_LOOP" });
  }

  #tell(): void {
    this.#beat.watch(this.#inFlight.size, this.#blame(this.#running ? [this.#running] : [...this.#inFlight]));
  }

  #blame(suspects: readonly WatchedCall[]): string {
    return this.#running ? `by ${nameCalls(suspects)}` : `while ${nameCalls(suspects)} was in flight`;
  }

  #ensureThread(): void {
    if (this.#thread) return;
    const unansweredMs = this.#thresholdMs * UNANSWERED_FACTOR;
    this.#thread = new Worker(new URL(THREAD, import.meta.url), {
      workerData: { shared: this.#beat.shared, unansweredMs },
      execArgv: [],
      stdin: false,
    });
    // Without a thread only a loop that comes back is reported.
    this.#thread.on("error", () => {});
    this.#thread.unref();
  }
}

function nameCalls(calls: readonly WatchedCall[]): string {
  const names = calls.slice(0, 5).map(({ tool, callId }) => `${tool} (call ${callId})`);
  const more = calls.length > 5 ? ` or ${calls.length - 5} more` : "";
  return calls.length > 1 ? `one of ${names.join(", ")}${more}` : names.join("");
}

/** One for the process: it has one event loop. */
export const watchdog = new Watchdog();
