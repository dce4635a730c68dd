import type { Clock, Timer } from "../../internal/clock.ts";
import type { Job } from "./job.ts";

export interface Waiting {
  readonly job: Job;
  /** A worker has ended before as it loaded the tool for this job. */
  readonly isRetry: boolean;
  readonly queuedAtMs: number;
  readonly giveUp: Timer | undefined;
}

/** Jobs that no worker has, in the order in which they get one. Each leaves once: to a worker, taken back, or given up in time. */
export class WaitingJobs {
  readonly #clock: Clock;
  readonly #waiting: Waiting[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get count(): number {
    return this.#waiting.length;
  }

  /** As it is now: it may change while this is gone through. */
  get all(): readonly Waiting[] {
    return [...this.#waiting];
  }

  find(callId: string): Waiting | undefined {
    return this.#waiting.find(({ job }) => job.callId === callId);
  }

  add(job: Job): void {
    this.#waiting.push(this.#entry(job, this.#clock.now(), false));
  }

  /** No body has begun: it is the next to get a worker, and waits since it was first added. */
  putBack({ job, queuedAtMs }: Waiting, isRetry: boolean): void {
    this.#waiting.unshift(this.#entry(job, queuedAtMs, isRetry));
  }

  leave(waiting: Waiting): void {
    waiting.giveUp?.cancel();
    const index = this.#waiting.indexOf(waiting);
    if (index >= 0) this.#waiting.splice(index, 1);
  }

  /** None of them can have a worker. */
  refuse(message: string): void {
    const error = { name: "RuntimeError", message, stack: "" };
    for (const waiting of this.all) {
      this.leave(waiting);
      waiting.job.ended({ type: "load-failed", error });
    }
  }

  /** Nobody is told. */
  clear(): void {
    for (const waiting of this.all) this.leave(waiting);
  }

  #entry(job: Job, queuedAtMs: number, isRetry: boolean): Waiting {
    const { waitMs } = job;
    const giveUp =
      waitMs === null
        ? undefined
        : this.#clock.setTimer(Math.max(1, waitMs - (this.#clock.now() - queuedAtMs)), () => {
            this.leave(waiting);
            job.ended({ type: "not-started", waitedMs: this.#clock.now() - queuedAtMs, limitMs: waitMs });
          });
    const waiting: Waiting = { job, isRetry, queuedAtMs, giveUp };
    return waiting;
  }
}
