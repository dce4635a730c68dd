import type { Clock, Timer } from "../../util/clock.ts";
import { LinkedList, type ListItem } from "../../util/linked-list.ts";
import type { Job } from "./job.ts";

/** A job, and how it has waited. */
export interface Queued {
  readonly job: Job;
  /** A worker has ended before as it loaded the tool for this job. */
  readonly isRetry: boolean;
  readonly queuedAtMs: number;
}

export interface Waiting extends Queued, ListItem<Waiting> {
  /** Who has the lowest is next. */
  readonly order: number;
  readonly giveUp: Timer | undefined;
}

/** Jobs of one tool, in their order. */
export interface WaitingGroup {
  readonly jobs: LinkedList<Waiting>;
  readonly count: number;
}

/**
 * Jobs that no worker has, in the order in which they get one. Each leaves once: to a worker, taken back, or given up in time. Nothing here
 * takes longer the more jobs wait.
 */
export class WaitingJobs {
  readonly #clock: Clock;
  readonly #byTool = new Map<string, { readonly jobs: LinkedList<Waiting>; count: number }>();
  readonly #byCall = new Map<string, Waiting>();
  /** Calls whose bodies wait for these, each with the number of them. */
  readonly #parents = new Map<string, number>();
  #firstOrder = 0;
  #lastOrder = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get count(): number {
    return this.#byCall.size;
  }

  get groups(): Iterable<WaitingGroup> {
    return this.#byTool.values();
  }

  /** Whether the body of this call waits for one of these. */
  isParent(callId: string): boolean {
    return this.#parents.has(callId);
  }

  find(callId: string): Waiting | undefined {
    return this.#byCall.get(callId);
  }

  add(job: Job): void {
    const waiting = this.#entry(job, ++this.#lastOrder, this.#clock.now(), false);
    this.#enter(waiting).push(waiting);
  }

  /** No body has begun: it is the next to get a worker, and waits since it was first added. */
  putBack({ job, queuedAtMs }: Queued, isRetry: boolean): void {
    const waiting = this.#entry(job, --this.#firstOrder, queuedAtMs, isRetry);
    this.#enter(waiting).unshift(waiting);
  }

  leave(waiting: Waiting): void {
    waiting.giveUp?.cancel();
    const { callId, key, waiting: parents } = waiting.job;
    if (this.#byCall.get(callId) !== waiting) return;
    this.#byCall.delete(callId);
    const group = this.#byTool.get(key);
    group?.jobs.remove(waiting);
    if (group) group.count -= 1;
    if (group?.count === 0) this.#byTool.delete(key);
    for (const id of parents) {
      const others = (this.#parents.get(id) ?? 1) - 1;
      if (others > 0) this.#parents.set(id, others);
      else this.#parents.delete(id);
    }
  }

  /** None of them can have a worker. */
  refuse(message: string): void {
    const error = { name: "RuntimeError", message, stack: "" };
    const refused = [...this.#byCall.values()];
    for (const waiting of refused) this.leave(waiting);
    // Last: whoever is told can come back with another job.
    for (const { job } of refused) job.ended({ type: "load-failed", error });
  }

  /** Nobody is told. */
  clear(): void {
    for (const waiting of [...this.#byCall.values()]) this.leave(waiting);
  }

  /** @returns the list for it */
  #enter(waiting: Waiting): LinkedList<Waiting> {
    const { callId, key, waiting: parents } = waiting.job;
    this.#byCall.set(callId, waiting);
    for (const id of parents) this.#parents.set(id, (this.#parents.get(id) ?? 0) + 1);
    let group = this.#byTool.get(key);
    if (!group) {
      group = { jobs: new LinkedList(), count: 0 };
      this.#byTool.set(key, group);
    }
    group.count += 1;
    return group.jobs;
  }

  #entry(job: Job, order: number, queuedAtMs: number, isRetry: boolean): Waiting {
    const { waitMs } = job;
    const giveUp =
      waitMs === null
        ? undefined
        : this.#clock.setTimer(Math.max(1, waitMs - (this.#clock.now() - queuedAtMs)), () => {
            this.leave(waiting);
            job.ended({ type: "not-started", waitedMs: this.#clock.now() - queuedAtMs, limitMs: waitMs });
          });
    const waiting: Waiting = { job, isRetry, order, queuedAtMs, giveUp, previous: undefined, next: undefined };
    return waiting;
  }
}
