import { Worker } from "node:worker_threads";
import { errorInfo } from "../../call/error-info.ts";
import type { Clock, Timer } from "../../util/clock.ts";
import { formatDuration } from "../../util/duration.ts";
import { LinkedList, type ListItem } from "../../util/linked-list.ts";
import { findProgram } from "../../util/program.ts";
import { systemClock } from "../../util/system-clock.ts";
import { Beat, blameOne, blameOneOf, MOST_NAMES, OWN_PLACE } from "./watchdog-beat.ts";

const THRESHOLD_MS = 1_000;
/** Where the event loop does not come back by then, the thread says so itself: this thread never may. */
const UNANSWERED_FACTOR = 5;
const BEATS_A_THRESHOLD = 4;

/** The call that a body belongs to. */
export class WatchedCall implements ListItem<WatchedCall> {
  readonly tool: string;
  readonly callId: string;
  isWatched = false;
  /** Where its name stands for the thread; undefined while others are before it. */
  place: number | undefined;
  /** A blocked loop is told of once for each call. */
  isReported = false;
  previous: WatchedCall | undefined;
  next: WatchedCall | undefined;

  constructor(tool: string, callId: string) {
    this.tool = tool;
    this.callId = callId;
  }
}

/**
 * Names the call that blocks the event loop: no deadline, no cancel and no other call can do anything meanwhile.
 *
 * A body's first part, up to its first `await`, is known exactly. After that the runtime does not tell whose code runs, so all calls in flight
 * are named. Each is reported once, as a `process.emitWarning` with the code `ENDSTOP_BLOCKED_LOOP` when the loop is free again; after five times
 * the threshold a small thread writes the same to standard error, since the loop may never be free again. Nothing runs while no call is in flight, but for the last beat's timer.
 */
export class Watchdog {
  readonly #thresholdMs: number;
  readonly #clock: Clock;
  readonly #beat = new Beat();
  /** The oldest first. Nothing that is done for each call may walk over it. */
  readonly #inFlight = new LinkedList<WatchedCall>();
  #count = 0;
  /** The first of those in flight, by the places at which the thread finds their names. */
  readonly #places: (WatchedCall | undefined)[] = Array.from({ length: MOST_NAMES });
  /** The oldest in flight without a place. Those after it have none either. */
  #next: WatchedCall | undefined;
  #running: WatchedCall | undefined;
  #timer: Timer | undefined;
  #lastBeatMs = 0;
  #hasThread = false;

  constructor(thresholdMs = THRESHOLD_MS, clock: Clock = systemClock) {
    this.#thresholdMs = thresholdMs;
    this.#clock = clock;
  }

  /** Runs the first part of a call's body. The call is watched until {@link ended}. */
  run<T>(call: WatchedCall, body: () => T): T {
    this.#ensureThread();
    this.#add(call);
    const outer = this.#running;
    this.#setRunning(call);
    try {
      return body();
    } finally {
      this.#look();
      this.#setRunning(outer);
    }
  }

  ended(call: WatchedCall): void {
    if (!call.isWatched) return;
    this.#look();
    call.isWatched = false;
    if (call === this.#next) this.#next = call.next;
    this.#inFlight.remove(call);
    this.#count--;
    if (call.place !== undefined) this.#leave(call, call.place);
    this.#beat.watch(this.#count);
  }

  #add(call: WatchedCall): void {
    if (call.isWatched) return;
    call.isWatched = true;
    this.#inFlight.push(call);
    this.#count++;
    const place = this.#next ? -1 : this.#places.indexOf(undefined);
    if (place >= 0) this.#give(call, place);
    else this.#next ??= call;
    if (this.#count === 1) this.#start();
    this.#beat.watch(this.#count);
  }

  #give(call: WatchedCall, place: number): void {
    call.place = place;
    this.#places[place] = call;
    this.#beat.name(place, nameOf(call));
  }

  /** The next has its place. */
  #leave(call: WatchedCall, place: number): void {
    call.place = undefined;
    const next = this.#next;
    if (next) {
      this.#next = next.next;
      return this.#give(next, place);
    }
    this.#places[place] = undefined;
    this.#beat.name(place, undefined);
  }

  #setRunning(call: WatchedCall | undefined): void {
    this.#running = call;
    if (call && call.place === undefined) this.#beat.name(OWN_PLACE, nameOf(call));
    this.#beat.running(call && (call.place ?? OWN_PLACE));
  }

  #start(): void {
    this.#lastBeatMs = this.#clock.now();
    this.#beat.advance();
    if (!this.#timer) this.#arm();
  }

  #arm(): void {
    this.#timer = this.#clock.setTimer(this.#thresholdMs / BEATS_A_THRESHOLD, () => {
      this.#timer = undefined;
      if (this.#count === 0) return;
      this.#look();
      this.#arm();
    });
    this.#timer.unref?.();
  }

  /** The loop is free, or a part of a body has ended: how long was it not? */
  #look(): void {
    const nowMs = this.#clock.now();
    const blockedMs = nowMs - this.#lastBeatMs - this.#thresholdMs / BEATS_A_THRESHOLD;
    this.#lastBeatMs = nowMs;
    this.#beat.advance();
    if (blockedMs < this.#thresholdMs) return;
    const suspects = (this.#running ? [this.#running] : [...this.#inFlight]).filter(({ isReported }) => !isReported);
    for (const call of suspects) call.isReported = true;
    if (suspects.length === 0 || this.#beat.wasReported()) return;
    const names = suspects.slice(0, MOST_NAMES).map(nameOf);
    const blame = this.#running ? blameOne(nameOf(this.#running)) : blameOneOf(names, suspects.length);
    const message = `The event loop was blocked for ${formatDuration(blockedMs)} ${blame}: no deadline could be kept meanwhile. Move it to a worker.`;
    process.emitWarning(message, { type: "EndstopWarning", code: "ENDSTOP_BLOCKED_LOOP" });
  }

  #ensureThread(): void {
    if (this.#hasThread) return;
    this.#hasThread = true;
    const unansweredMs = this.#thresholdMs * UNANSWERED_FACTOR;
    try {
      const thread = new Worker(findProgram("watchdog-thread"), {
        workerData: { shared: this.#beat.shared, unansweredMs },
        execArgv: [],
        stdin: false,
      });
      thread.on("error", withoutThread);
      thread.unref();
    } catch (error) {
      withoutThread(error);
    }
  }
}

/** No call fails for it. */
function withoutThread(error: unknown): void {
  const message = `Only an event loop that comes back is reported as blocked: ${errorInfo(error).message}`;
  process.emitWarning(message, { type: "EndstopWarning", code: "ENDSTOP_NO_WATCHDOG" });
}

function nameOf({ tool, callId }: WatchedCall): string {
  return `${tool} (call ${callId})`;
}

/** One for the process: it has one event loop. */
export const watchdog = new Watchdog();
