import { randomUUID } from "node:crypto";
import { availableParallelism } from "node:os";
import type { Ending, Excess } from "../../call/ending.ts";
import { errorInfo } from "../../call/error-info.ts";
import type { RunningCall } from "../../load/furthest-over-share.ts";
import type { WorkersMakeWay } from "../../load/relief.ts";
import { judgeOutput, needsSampling, type Quotas } from "../../policy/quota.ts";
import type { OwnedProcesses } from "../../processes/owned-processes.ts";
import { largestOf } from "../../processes/process-tree.ts";
import { baselineOf, kernelExcessBehind, type QuotaWatch, type Watch } from "../../processes/quota-watch.ts";
import type { WorkerEnd } from "../../telemetry/engine-event.ts";
import type { WorkerStats } from "../../telemetry/engine-stats.ts";
import type { EventStream } from "../../telemetry/event-stream.ts";
import type { Clock, Timer } from "../../util/clock.ts";
import { type RunningInWorker, runningCalls } from "../running-calls.ts";
import { Surplus } from "../surplus.ts";
import type { Job } from "./job.ts";
import { JobQueue } from "./job-queue.ts";
import type { FromGuest } from "./messages.ts";
import type { NodeWorker, WorkerStdout } from "./worker.ts";
import { type LoadedModule, NodeWorkforce, type WorkforceEvents } from "./workforce.ts";

/** Bodies that run at once. Tools mostly wait for others, so a small machine gets four all the same. */
const MAX_BUSY = Math.max(4, availableParallelism());
/** Workers kept beyond the jobs at hand, so that a kill costs the next call nothing. */
const RESERVE = 1;
/** Workers in a row that ended without a call; after that none is kept in reserve until a call has ended well. */
const MAX_IDLE_DEATHS = 3;

interface Assignment {
  readonly job: Job;
  readonly nonce: string;
  readonly deadline: Timer | undefined;
  readonly watch: Watch | undefined;
  /** Calls the body waits for: meanwhile it takes no processor, and its calls may need its place. */
  waitingFor: number;
}

/**
 * Runs jobs in Node workers: one at a time in each, first come first served. A worker that passes its job's deadline is killed
 * with its process group, and another takes its place.
 */
export class NodePool implements WorkersMakeWay {
  readonly #clock: Clock;
  readonly #watch: QuotaWatch;
  readonly #workforce: NodeWorkforce;
  readonly #busy = new Map<NodeWorker, Assignment>();
  readonly #surplus: Surplus;
  readonly #queue: JobQueue;
  #idleDeaths = 0;
  #closed = false;
  #isShrunk = false;

  constructor(processes: OwnedProcesses, clock: Clock, watch: QuotaWatch, stream: EventStream, stdout: WorkerStdout) {
    this.#clock = clock;
    this.#watch = watch;
    this.#queue = new JobQueue(clock);
    this.#surplus = new Surplus(clock, (count) => this.#endSpare(count, "idle"));
    const events: WorkforceEvents = {
      message: (worker, message) => this.#heard(worker, message),
      lost: (worker, crash) => {
        const assignment = this.#busy.get(worker);
        this.#release(worker);
        if (!assignment) this.#idleDeaths += 1;
        if (assignment) endOf(assignment, { type: "crashed", ...crash });
        this.#pump();
      },
      gaveUp: (module, { error, sinceMs }) => {
        for (const job of this.#queue.takeSince(module, sinceMs)) job.ended({ type: "load-failed", error });
      },
      isWanted: (module) => this.#queue.waitsFor(module),
      changed: () => this.#pump(),
    };
    this.#workforce = new NodeWorkforce(processes, clock, events, stream, stdout);
  }

  /** Has a module imported, as {@link NodeWorkforce.load} does. */
  load(module: string): Promise<LoadedModule> {
    return this.#workforce.load(module);
  }

  run(job: Job): void {
    const worker = this.#queue.length === 0 && this.#active < MAX_BUSY ? this.#idleFor(job.module) : undefined;
    if (worker) this.#assign(worker, job);
    else {
      this.#queue.add(job, job.waitMs);
      job.waits();
    }
    this.#pump();
  }

  /** Takes a job back: from the queue, or by ending the worker that runs it. */
  cancel(callId: string, reason: unknown): void {
    if (this.#queue.remove(callId)) return;
    for (const [worker, { job }] of this.#busy) if (job.callId === callId) this.#stop(worker, job, reason, "cancel");
    this.#pump();
  }

  get figures(): WorkerStats {
    const busy = this.#busy.size;
    const idle = this.#idle.length;
    return { busy, idle, starting: this.#workforce.count - busy - idle, waiting: this.#queue.length };
  }

  shrinkReserve(isShrunk: boolean): void {
    this.#isShrunk = isShrunk;
    if (isShrunk) this.#endSpare(Number.POSITIVE_INFINITY, "pressure");
    else this.#pump();
  }

  recycleLargestIdle(): void {
    const largest = largestOf(this.#spare());
    if (largest) this.#end(largest, "pressure");
  }

  get running(): RunningInWorker[] {
    return runningCalls(this.#busy);
  }

  sacrifice({ callId, memoryBytes, shareBytes }: RunningCall): void {
    for (const [worker, { job }] of [...this.#busy]) {
      if (job.callId !== callId) continue;
      this.#stop(worker, job, new DOMException("The machine is about to run out of memory", "AbortError"), "pressure");
      job.ended({ type: "memory-pressure", observedBytes: memoryBytes, shareBytes });
    }
    this.#pump();
  }

  /** Workers without a call that nobody waits for, those that are not ready yet too. */
  #spare(): NodeWorker[] {
    return this.#queue.length > 0 ? [] : [...this.#workforce.workers].filter((worker) => !this.#busy.has(worker));
  }

  /** Those that could run a call now. */
  get #idle(): NodeWorker[] {
    return [...this.#workforce.workers].filter((worker) => this.#isIdle(worker));
  }

  #isIdle(worker: NodeWorker): boolean {
    return !worker.isLoading && !this.#busy.has(worker);
  }

  #idleFor(module: string): NodeWorker | undefined {
    for (const worker of this.#workforce.workers)
      if (this.#isIdle(worker) && !worker.isReceiving && worker.modules.has(module)) return worker;
    return undefined;
  }

  #endSpare(count: number, why: WorkerEnd): void {
    for (const worker of this.#spare().slice(-count)) this.#end(worker, why);
    this.#pump();
  }

  #end(worker: NodeWorker, why: WorkerEnd): void {
    this.#forget(worker);
    worker.terminate(why);
  }

  /** Process ids of the workers. */
  get pids(): number[] {
    return [...this.#workforce.workers].flatMap(({ pid }) => pid ?? []);
  }

  /** Nothing more is run. Whoever owns the processes waits for their end. */
  close(): void {
    this.#closed = true;
    for (const worker of [...this.#busy.keys()]) this.#release(worker);
    this.#queue.clear();
    this.#surplus.close();
    this.#workforce.close();
  }

  #pump(): void {
    if (this.#closed) return;
    for (const worker of [...this.#workforce.workers]) {
      if (this.#workforce.isOutdated(worker) && !this.#busy.has(worker)) {
        this.#end(worker, "recycle");
        continue;
      }
      if (!this.#isIdle(worker)) continue;
      if (worker.isReceiving) {
        // A tool has written the beginning of a message there: the next call's ending would be taken for its end.
        this.#end(worker, "recycle");
        continue;
      }
      // Before its next call: a call of a module that few workers have must not wait until nobody else has any.
      this.#workforce.bringUpToDate(worker);
      this.#giveJobTo(worker);
    }
    this.#keepReserve();
    this.#workforce.planRetry();
  }

  #giveJobTo(worker: NodeWorker): void {
    while (this.#isIdle(worker) && this.#active < MAX_BUSY) {
      const job = this.#queue.take((module) => worker.modules.has(module));
      if (!job) return;
      this.#assign(worker, job);
    }
  }

  /** Workers whose body computes, as far as we know. */
  get #active(): number {
    let active = 0;
    for (const { waitingFor } of this.#busy.values()) if (waitingFor === 0) active += 1;
    return active;
  }

  #keepReserve(): void {
    if (!this.#workforce.hasModules) return;
    const room = MAX_BUSY - this.#active;
    const keepsReserve = (this.#idleDeaths < MAX_IDLE_DEATHS && !this.#isShrunk) || this.#workforce.hasUndescribed;
    const reserve = keepsReserve ? RESERVE : 0;
    const wanted = this.#busy.size + Math.max(0, Math.min(room, this.#queue.length)) + reserve;
    for (let missing = wanted - this.#workforce.count; missing > 0; missing -= 1) this.#workforce.start();
    this.#surplus.is(Math.max(0, this.#workforce.count - wanted));
  }

  #heard(worker: NodeWorker, message: FromGuest): void {
    const assignment = this.#busy.get(worker);
    switch (message.type) {
      case "ended":
        if (assignment?.nonce === message.nonce) this.#ended(worker, assignment, message);
        return this.#pump();
      case "broken":
        this.#forget(worker);
        worker.terminate();
        if (!assignment) this.#idleDeaths += 1;
        assignment?.job.ended({ type: "raised", error: message.error });
        return this.#pump();
      case "call":
        return void this.#nested(worker, assignment, message);
      case "cancel-nested":
        if (assignment?.nonce === message.nonce) assignment.job.cancelNested(message.nested, message.reason);
    }
  }

  #ended(worker: NodeWorker, assignment: Assignment, { ending, value, left }: FromGuest & { type: "ended" }): void {
    this.#release(worker);
    this.#idleDeaths = 0;
    if (left === "some" || this.#workforce.isOutdated(worker) || worker.isWornOut()) this.#end(worker, "recycle");
    else if (left === "unknown") void this.#lookAtLeft(worker);
    endOf(assignment, ending, value);
  }

  /** A worker ends with what its call has left running. */
  async #lookAtLeft(worker: NodeWorker): Promise<void> {
    if (await worker.hasLeftProcesses()) this.#end(worker, "recycle");
    this.#pump();
  }

  async #nested(worker: NodeWorker, assignment: Assignment | undefined, message: FromGuest & { type: "call" }) {
    if (assignment?.nonce !== message.nonce) {
      const error = errorInfo(new Error("the call whose body makes this one has ended"));
      return worker.send({ type: "nested-refused", nested: message.nested, error });
    }
    assignment.waitingFor += 1;
    try {
      await assignment.job.nested(message, worker);
    } finally {
      assignment.waitingFor -= 1;
    }
    this.#pump();
  }

  #assign(worker: NodeWorker, job: Job): void {
    if (!job.start()) return;
    const { callId, path, module, input, quotas } = job;
    const timeoutMs = job.timeoutMs();
    const startedAtMs = this.#clock.now();
    const end = (ending: Ending, reason: DOMException, why: WorkerEnd): void => {
      this.#stop(worker, job, reason, why);
      job.ended(ending);
      this.#pump();
    };
    const expire = (): void => {
      const reason = new DOMException(`The deadline of ${timeoutMs} ms has passed`, "TimeoutError");
      end({ type: "expired", observedMs: this.#clock.now() - startedAtMs }, reason, "deadline");
    };
    const deadline = timeoutMs === null ? undefined : this.#clock.setTimer(timeoutMs, expire);
    const watch = this.#watchQuotas(worker, quotas, (excess) => {
      const reason = new DOMException(`The ${excess.quota} quota is exceeded`, "AbortError");
      end({ type: "over-quota", ...excess }, reason, "quota");
    });
    const nonce = randomUUID();
    this.#busy.set(worker, { job, nonce, deadline, watch, waitingFor: 0 });
    worker.cgroup.lift();
    worker.busy();
    worker.calls += 1;
    worker.send({ type: "run", callId, nonce, path, module, outputBytes: quotas.outputBytes }, input);
  }

  #watchQuotas(worker: NodeWorker, quotas: Quotas, exceeded: (excess: Excess) => void): Watch | undefined {
    const { pid: rootPid, files: root, cgroup } = worker;
    if (rootPid === undefined || !needsSampling(quotas)) return undefined;
    const before = baselineOf(rootPid, quotas, () => root?.memoryBytes());
    return before && this.#watch.watch({ rootPid, root, quotas, cgroup, baseline: () => before, exceeded });
  }

  #stop(worker: NodeWorker, { callId }: Job, reason: unknown, why: WorkerEnd): void {
    worker.send({ type: "abort", callId, reason: errorInfo(reason) });
    this.#forget(worker);
    worker.terminate(why);
  }

  #release(worker: NodeWorker): void {
    const assignment = this.#busy.get(worker);
    assignment?.deadline?.cancel();
    assignment?.watch?.end();
    this.#busy.delete(worker);
    worker.idle();
  }

  #forget(worker: NodeWorker): void {
    this.#release(worker);
    this.#workforce.forget(worker);
  }
}

/** Ends an assignment's call: with the quota that stands behind the ending, if one does. */
function endOf({ job, watch }: Assignment, ending: Ending, value?: Uint8Array): void {
  const excess =
    ending.type === "too-large" && ending.started
      ? judgeOutput(job.quotas, ending.observedBytes)
      : kernelExcessBehind(ending, watch);
  job.ended(excess ? { type: "over-quota", ...excess } : ending, value);
}
