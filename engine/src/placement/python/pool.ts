import { availableParallelism } from "node:os";
import type { Ending } from "../../call/ending.ts";
import type { Crash } from "../../call/outcome.ts";
import type { WorkerEnd } from "../../events/engine-event.ts";
import type { WorkerStats } from "../../events/engine-stats.ts";
import type { EventStream } from "../../events/event-stream.ts";
import type { Clock, Timer } from "../../internal/clock.ts";
import type { RunningCall } from "../../pressure/furthest-over-share.ts";
import type { WorkersMakeWay } from "../../pressure/relief.ts";
import { largestOf, treeMemoryBytes } from "../../supervise/process-tree.ts";
import { judgeOutput, needsSampling, type Quotas } from "../../supervise/quota.ts";
import { QuotaWatch } from "../../supervise/quota-watch.ts";
import type { Accept } from "./dial-in.ts";
import type { Ended, FromWorker, GuestHello, ToWorker } from "./messages.ts";
import type { Readiness } from "./modules.ts";
import { excessBehind, workerLimits } from "./quotas.ts";
import type { PythonCommand } from "./template.ts";
import type { Worker } from "./worker.ts";
import { Workforce, type WorkforceEvents } from "./workforce.ts";

/** Bodies that run at once. Tools mostly wait for others, so a small machine gets four all the same. */
const MAX_BUSY = Math.max(4, availableParallelism());
/** Workers kept beyond the jobs at hand, so that a kill costs the next call nothing. */
const RESERVE = 1;

/** A worker is recycled after this many calls, */
const MAX_CALLS_PER_WORKER = 10_000;
/** or when it has grown by this: what a tool keeps, or leaks, is given back. */
const MAX_GROWTH_BYTES = 256_000_000;

/** One attempt of one call, for a worker to run. */
export interface Job {
  readonly callId: string;
  readonly attempt: number;
  /** What the body's own calls show. */
  readonly token: string;
  /** The calls that wait for this one: their bodies give their places to others. */
  readonly waiting: readonly string[];
  /** Which loaded tool to run. */
  readonly key: string;
  /** The pickled arguments. */
  readonly args: Uint8Array;
  /** From the moment a worker has the job; null is no deadline. */
  readonly timeoutMs: number | null;
  /** From now on: when the call's own caller ends, and waits no more; null is never. */
  readonly withinMs: number | null;
  readonly quotas: Quotas;
  /** A worker has it. Once, unless it is taken back before. */
  readonly begun: () => void;
  /** Called once, unless the job is cancelled. `body` is the pickled result or exception. */
  ended(ending: Ending, body?: Uint8Array): void;
}

interface LoadedTool {
  readonly modules: readonly string[];
  readonly payload: Uint8Array;
}

interface Waiting {
  readonly job: Job;
  /** A worker has ended before as it loaded the tool for this job. */
  readonly isRetry: boolean;
  readonly queuedAtMs: number;
  readonly giveUp: Timer | undefined;
}

interface Assignment {
  readonly job: Job;
  readonly queued: Waiting;
  /** The worker had not had this tool before. */
  readonly isLoading: boolean;
  readonly deadline: Timer | undefined;
  readonly unwatch: (() => void) | undefined;
}

/**
 * Runs jobs in Python workers: one at a time in each, first come first served. A worker that passes its job's deadline
 * is killed with its process group, and another takes its place.
 */
export class PythonPool implements WorkersMakeWay {
  readonly #clock: Clock;
  readonly #workforce: Workforce;
  readonly #watch: QuotaWatch;
  readonly #tools = new Map<string, LoadedTool>();
  readonly #busy = new Map<Worker, Assignment>();
  readonly #queue: Waiting[] = [];
  #closed = false;
  #isShrunk = false;

  constructor(python: PythonCommand, clock: Clock, acceptGuest: Accept<GuestHello>, stream: EventStream) {
    this.#clock = clock;
    this.#watch = new QuotaWatch(clock);
    const events: WorkforceEvents = {
      message: (worker, message, body) => this.#heard(worker, message, body),
      lost: (worker, crash) => this.#lost(worker, crash),
      gaveUp: (description) => this.#refuseQueue(description),
      changed: () => this.#pump(),
    };
    this.#workforce = new Workforce(python, clock, events, acceptGuest, stream);
  }

  get figures(): WorkerStats {
    const busy = this.#busy.size;
    const idle = this.#workforce.living.filter((worker) => !this.#busy.has(worker)).length;
    return { busy, idle, starting: this.#workforce.forkingCount, waiting: this.#queue.length };
  }

  get waiting(): number {
    return this.#queue.length;
  }

  shrinkReserve(isShrunk: boolean): void {
    this.#isShrunk = isShrunk;
    if (isShrunk) for (const worker of this.#spare()) this.#workforce.retire(worker, "pressure");
    this.#pump();
  }

  recycleLargestIdle(): void {
    const largest = largestOf(this.#spare());
    if (largest) this.#workforce.retire(largest, "pressure");
    this.#pump();
  }

  get running(): { callId: string; memoryBytes: number; quotaBytes: number | null }[] {
    return [...this.#busy].map(([{ pid }, { job }]) => ({
      callId: job.callId,
      memoryBytes: (pid !== undefined && treeMemoryBytes([pid])) || 0,
      quotaBytes: job.quotas.memoryBytes,
    }));
  }

  sacrifice({ callId, memoryBytes, shareBytes }: RunningCall): void {
    for (const [worker, { job }] of [...this.#busy])
      if (job.callId === callId)
        this.#stop(worker, job, { type: "memory-pressure", observedBytes: memoryBytes, shareBytes }, "pressure");
  }

  /** Idle workers that nobody waits for. */
  #spare(): Worker[] {
    return this.#queue.length > 0 ? [] : this.#workforce.living.filter((worker) => !this.#busy.has(worker));
  }

  /** Process ids of the workers. */
  get pids(): number[] {
    return this.#workforce.living.flatMap(({ pid }) => pid ?? []);
  }

  /** Private to this user; holds the socket that workers dial. */
  get directory(): string {
    return this.#workforce.directory;
  }

  get socketPath(): string {
    return this.#workforce.socketPath;
  }

  /** Makes a tool known and has its modules imported. The same key again changes nothing. */
  load(key: string, modules: readonly string[], payload: Uint8Array): void {
    if (this.#tools.has(key)) return;
    this.#tools.set(key, { modules, payload });
    this.#workforce.request(modules);
    this.#pump();
  }

  /** Runs a job as soon as its tool is loaded and a worker is free. */
  run(job: Job): void {
    this.#queue.push(this.#waiting(job, this.#clock.now(), false));
    this.#pump();
  }

  /**
   * Takes a job back: from the queue, or by killing the worker that runs it.
   *
   * @returns whether its body had started; undefined if there is no such job
   */
  cancel(callId: string): boolean | undefined {
    const queued = this.#queue.find(({ job }) => job.callId === callId);
    if (queued) {
      this.#leaveQueue(queued);
      return false;
    }
    for (const [worker, { job }] of this.#busy) {
      if (job.callId !== callId) continue;
      this.#release(worker);
      this.#workforce.kill(worker, "cancel");
      const started = this.#workforce.started(worker, callId) !== undefined;
      this.#pump();
      return started;
    }
    return undefined;
  }

  /** Ends every process. Jobs in flight are not told. */
  close(): Promise<void> {
    this.#closed = true;
    this.#watch.close();
    for (const worker of [...this.#busy.keys()]) this.#release(worker);
    for (const waiting of [...this.#queue]) this.#leaveQueue(waiting);
    return this.#workforce.close();
  }

  /** Kills what can be killed without waiting: for a process that is ending. */
  destroyNow(): void {
    this.#workforce.destroyNow();
  }

  #pump(): void {
    if (this.#closed) return;
    const idle: Worker[] = [];
    for (const worker of this.#workforce.living) {
      if (this.#busy.has(worker)) continue;
      if (worker.generation < this.#workforce.generation) this.#workforce.retire(worker, "recycle");
      else idle.push(worker);
    }
    const isParent = this.#parents();
    let working = 0;
    for (const { job } of this.#busy.values()) if (!isParent.has(job.callId)) working += 1;
    let waiting = 0;
    for (const queued of [...this.#queue]) {
      const { job } = queued;
      const readiness = this.#readiness(job);
      if (readiness.type === "waiting") continue;
      const worker = readiness.type === "ready" && working < MAX_BUSY ? idle.shift() : undefined;
      if (readiness.type === "ready" && !worker) {
        waiting += 1;
        continue;
      }
      this.#leaveQueue(queued);
      if (readiness.type === "failed") job.ended({ type: "load-failed", error: readiness.error });
      else if (worker) {
        this.#assign(worker, queued);
        if (!isParent.has(job.callId)) working += 1;
      }
    }
    this.#keepReserve(idle.length, working, waiting);
  }

  /** The calls whose bodies wait for others in this pool: nested calls must not stand in line behind their own parents. */
  #parents(): ReadonlySet<string> {
    const parents = new Set<string>();
    for (const { job } of this.#busy.values()) for (const id of job.waiting) parents.add(id);
    for (const { job } of this.#queue) for (const id of job.waiting) parents.add(id);
    return parents;
  }

  #keepReserve(idle: number, working: number, waiting: number): void {
    // A worker forked before the modules are there would lack them.
    if (this.#tools.size === 0 || this.#workforce.isPreparing) return;
    if (this.#workforce.isFailing && waiting === 0) return;
    const parents = this.#busy.size - working;
    const wanted = parents + Math.min(MAX_BUSY, working + waiting) + (this.#isShrunk ? 0 : RESERVE);
    const have = this.#busy.size + idle + this.#workforce.forkingCount;
    for (let missing = wanted - have; missing > 0; missing -= 1) this.#workforce.fork();
  }

  #readiness(job: Job): Readiness {
    const tool = this.#tools.get(job.key);
    if (tool) return this.#workforce.readiness(tool.modules);
    return { type: "failed", error: { name: "LookupError", message: `no tool was loaded as ${job.key}`, stack: "" } };
  }

  #waiting(job: Job, queuedAtMs: number, isRetry: boolean): Waiting {
    const { withinMs } = job;
    const giveUp =
      withinMs === null
        ? undefined
        : this.#clock.setTimer(Math.max(1, withinMs - (this.#clock.now() - queuedAtMs)), () => {
            this.#leaveQueue(waiting);
            job.ended({ type: "not-started", waitedMs: this.#clock.now() - queuedAtMs, limitMs: withinMs });
          });
    const waiting: Waiting = { job, isRetry, queuedAtMs, giveUp };
    return waiting;
  }

  #leaveQueue(waiting: Waiting): void {
    waiting.giveUp?.cancel();
    this.#queue.splice(this.#queue.indexOf(waiting), 1);
  }

  #assign(worker: Worker, queued: Waiting): void {
    const { job, queuedAtMs } = queued;
    const { callId, attempt, key, token, args, withinMs } = job;
    const startedAtMs = this.#clock.now();
    const leftMs = withinMs === null ? Number.POSITIVE_INFINITY : Math.max(1, withinMs - (startedAtMs - queuedAtMs));
    const timeoutMs = job.timeoutMs === null && withinMs === null ? null : Math.min(job.timeoutMs ?? leftMs, leftMs);
    const deadline =
      timeoutMs === null
        ? undefined
        : this.#clock.setTimer(timeoutMs, () => this.#expire(worker, job, timeoutMs, this.#clock.now() - startedAtMs));
    worker.calls += 1;
    if (!queued.isRetry) job.begun();
    const isLoading = !worker.loaded.has(key);
    this.#busy.set(worker, { job, queued, isLoading, deadline, unwatch: this.#watchQuotas(worker, job) });
    const payload = this.#tools.get(key)?.payload;
    if (payload && isLoading) {
      worker.loaded.add(key);
      tell(worker, { type: "load", key }, payload);
    }
    const limits = workerLimits(job.quotas);
    tell(worker, { type: "run", callId, attempt, key, token, ...(limits ? { limits } : {}) }, args);
  }

  #watchQuotas(worker: Worker, job: Job): (() => void) | undefined {
    if (worker.pid === undefined || !needsSampling(job.quotas)) return undefined;
    return this.#watch.watch({
      rootPid: worker.pid,
      quotas: job.quotas,
      baseline: () => this.#workforce.started(worker, job.callId),
      exceeded: (excess) => this.#stop(worker, job, { type: "over-quota", ...excess }),
    });
  }

  #expire(worker: Worker, job: Job, limitMs: number, observedMs: number): void {
    this.#release(worker);
    this.#workforce.kill(worker, "deadline");
    // Only now nothing can begin any more: a worker that stood still, or was loading the tool, has run no body.
    const hasBegun = this.#workforce.started(worker, job.callId) !== undefined;
    job.ended(hasBegun ? { type: "expired", observedMs } : { type: "not-started", waitedMs: observedMs, limitMs });
    this.#pump();
  }

  /** Kills the worker of a body that may not go on, and settles its call in the same turn. */
  #stop(worker: Worker, job: Job, ending: Ending, why: WorkerEnd = "quota"): void {
    this.#release(worker);
    this.#workforce.kill(worker, why);
    job.ended(ending);
    this.#pump();
  }

  #heard(worker: Worker, message: FromWorker, body: Uint8Array): void {
    const assignment = this.#busy.get(worker);
    if (!assignment || message.type === "hello") return;
    const { job } = assignment;
    if (message.callId !== job.callId || message.attempt !== job.attempt) return;
    const excess = judgeOutput(job.quotas, body.length) ?? excessBehind(message.ending, job.quotas);
    if (excess) return this.#stop(worker, job, { type: "over-quota", ...excess });
    this.#release(worker);
    if (message.leftProcesses || isWornOut(worker, message)) this.#workforce.kill(worker, "recycle");
    job.ended(message.ending, body);
    this.#pump();
  }

  #lost(worker: Worker, crash: Crash): void {
    const assignment = this.#busy.get(worker);
    if (assignment) {
      this.#release(worker);
      const { job, queued, isLoading } = assignment;
      if (this.#workforce.started(worker, job.callId)) {
        const ending: Ending = { type: "crashed", ...crash };
        const excess = excessBehind(ending, job.quotas);
        job.ended(excess ? { type: "over-quota", ...excess } : ending);
      } else if (isLoading && queued.isRetry) {
        const error = { name: "WorkerCrashed", message: "the worker ended while it loaded the tool", stack: "" };
        job.ended({ type: "load-failed", error });
      } else {
        // It was dying as it was given the job, or died of loading the tool: no body has begun, so another one may try.
        this.#queue.unshift(this.#waiting(job, queued.queuedAtMs, isLoading));
      }
    }
    this.#pump();
  }

  #release(worker: Worker): void {
    const assignment = this.#busy.get(worker);
    assignment?.deadline?.cancel();
    assignment?.unwatch?.();
    this.#busy.delete(worker);
  }

  #refuseQueue(description: string): void {
    const error = { name: "RuntimeError", message: `no worker can be had: the last ${description}`, stack: "" };
    for (const waiting of [...this.#queue]) {
      this.#leaveQueue(waiting);
      waiting.job.ended({ type: "load-failed", error });
    }
  }
}

function isWornOut(worker: Worker, { grownBytes }: Ended): boolean {
  return worker.calls >= MAX_CALLS_PER_WORKER || grownBytes > MAX_GROWTH_BYTES;
}

function tell(worker: Worker, message: ToWorker, body: Uint8Array): void {
  worker.channel?.send(message, body);
}
