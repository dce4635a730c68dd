import type { Clock, Timer } from "../../util/clock.ts";
import { LinkedList, type ListItem } from "../../util/linked-list.ts";
import type { Job } from "./job.ts";

/** A job that no worker has. */
export interface QueuedJob extends ListItem<QueuedJob> {
  readonly job: Job;
  readonly order: number;
  readonly queuedAtMs: number;
  readonly giveUp: Timer | undefined;
}

/**
 * Jobs that wait for a worker, first come first served among those that a worker can run. Each leaves once: to a worker, taken back, or given up
 * in time. Nothing here takes longer the more jobs wait.
 */
export class JobQueue {
  readonly #clock: Clock;
  readonly #byModule = new Map<string, LinkedList<QueuedJob>>();
  readonly #byCall = new Map<string, QueuedJob>();
  #lastOrder = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get length(): number {
    return this.#byCall.size;
  }

  /** Whether a job of the module waits. */
  waitsFor(module: string): boolean {
    return this.#byModule.has(module);
  }

  /** @param waitMs how long it may wait; null is for ever. Then it ends as `not-started` */
  add(job: Job, waitMs: number | null): void {
    const queuedAtMs = this.#clock.now();
    const expire = (limitMs: number): void => {
      this.#leave(queued);
      job.ended({ type: "not-started", waitedMs: this.#clock.now() - queuedAtMs, limitMs });
    };
    const queued: QueuedJob = {
      job,
      order: ++this.#lastOrder,
      queuedAtMs,
      giveUp: waitMs === null ? undefined : this.#clock.setTimer(waitMs, () => expire(waitMs)),
      previous: undefined,
      next: undefined,
    };
    let list = this.#byModule.get(job.module);
    if (!list) {
      list = new LinkedList();
      this.#byModule.set(job.module, list);
    }
    list.push(queued);
    this.#byCall.set(job.callId, queued);
  }

  /** Takes the job that has waited longest among those of these modules. */
  take(isReadyFor: (module: string) => boolean): Job | undefined {
    let first: QueuedJob | undefined;
    for (const [module, { first: head }] of this.#byModule)
      if (head && (!first || head.order < first.order) && isReadyFor(module)) first = head;
    if (first) this.#leave(first);
    return first?.job;
  }

  /** @returns whether it waited */
  remove(callId: string): boolean {
    const queued = this.#byCall.get(callId);
    if (queued) this.#leave(queued);
    return queued !== undefined;
  }

  /** Takes the jobs of a module that have waited since then or longer. */
  takeSince(module: string, sinceMs: number): Job[] {
    const taken: Job[] = [];
    const list = this.#byModule.get(module);
    for (let head = list?.first; head && head.queuedAtMs <= sinceMs; head = list?.first) {
      this.#leave(head);
      taken.push(head.job);
    }
    return taken;
  }

  /** Nobody is told. */
  clear(): void {
    for (const queued of [...this.#byCall.values()]) this.#leave(queued);
  }

  #leave(queued: QueuedJob): void {
    const { job, giveUp } = queued;
    giveUp?.cancel();
    this.#byCall.delete(job.callId);
    const list = this.#byModule.get(job.module);
    list?.remove(queued);
    if (list?.isEmpty) this.#byModule.delete(job.module);
  }
}
