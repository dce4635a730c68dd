import { availableParallelism } from "node:os";
import type { Ending, Excess } from "../../call/ending.ts";
import { errorInfo } from "../../call/error-info.ts";
import type { WorkerEnd } from "../../events/engine-event.ts";
import type { WorkerStats } from "../../events/engine-stats.ts";
import type { EventStream } from "../../events/event-stream.ts";
import type { Clock, Timer } from "../../internal/clock.ts";
import type { RunningCall } from "../../pressure/furthest-over-share.ts";
import type { WorkersMakeWay } from "../../pressure/relief.ts";
import type { OwnedProcesses } from "../../supervise/owned-processes.ts";
import { largestOf } from "../../supervise/process-tree.ts";
import { judgeOutput, needsSampling, type Quotas } from "../../supervise/quota.ts";
import { baselineOf, kernelExcessBehind, type QuotaWatch, type Watch } from "../../supervise/quota-watch.ts";
import { type RunningInWorker, runningCalls } from "../running-calls.ts";
import { Surplus } from "../surplus.ts";
import type { FromGuest, ToolDescription } from "./messages.ts";
import type { NodeWorker } from "./worker.ts";
import { NodeWorkforce, type WorkforceEvents } from "./workforce.ts";

/** Bodies that run at once. Tools mostly wait for others, so a small machine gets four all the same. */
const MAX_BUSY = Math.max(4, availableParallelism());
/** Workers kept beyond the jobs at hand, so that a kill costs the next call nothing. */
const RESERVE = 1;
/** Workers in a row that ended without a call; after that none is kept in reserve until a call has ended well. */
const MAX_IDLE_DEATHS = 3;

/** One attempt of one call, for a worker to run. */
export interface Job {
  readonly callId: string;
  readonly path: readonly string[];
  readonly module: string;
  /** The cloned input. */
  readonly input: Uint8Array;
  /** From the moment a worker has the job; null is no deadline. */
  readonly timeoutMs: number | null;
  readonly quotas: Quotas;
  /** A worker is about to get it. @returns false if the call has ended meanwhile */
  start(): boolean;
  /** Called once, unless the job is cancelled. */
  ended(ending: Ending, value?: Uint8Array): void;
  /** The body calls another tool. */
  nested(message: FromGuest & { type: "call" }, worker: NodeWorker): Promise<void>;
  cancelNested(nested: number): void;
}

interface Assignment {
  readonly job: Job;
  readonly deadline: Timer | undefined;
  readonly watch: Watch | undefined;
  /** Calls the body waits for: meanwhile it takes no processor, and its calls may need its place. */
  waitingFor: number;
}

/**
 * Runs jobs in Node workers: one at a time in each, first come first served. A worker that passes its job's deadline is killed
 * with its process group, and another takes its place. Every worker imports every registered module when it starts.
 */
export class NodePool implements WorkersMakeWay {
  readonly #clock: Clock;
  readonly #watch: QuotaWatch;
  readonly #workforce: NodeWorkforce;
  readonly #busy = new Map<NodeWorker, Assignment>();
  readonly #surplus: Surplus;
  #queue: Job[] = [];
  #idleDeaths = 0;
  #closed = false;
  #isShrunk = false;

  constructor(processes: OwnedProcesses, clock: Clock, watch: QuotaWatch, stream: EventStream) {
    this.#clock = clock;
    this.#watch = watch;
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
      changed: () => this.#pump(),
    };
    this.#workforce = new NodeWorkforce(processes, clock, events, stream);
  }

  /** Has a module imported, and says what its tool is. Rejects with what went wrong; then the module is forgotten. */
  load(module: string): Promise<ToolDescription> {
    return this.#workforce.load(module);
  }

  run(job: Job): void {
    this.#queue.push(job);
    this.#pump();
  }

  /** Takes a job back: from the queue, or by ending the worker that runs it. */
  cancel(callId: string, reason: DOMException): void {
    this.#queue = this.#queue.filter((job) => job.callId !== callId);
    for (const [worker, { job }] of this.#busy) if (job.callId === callId) this.#stop(worker, job, reason, "cancel");
    this.#pump();
  }

  get figures(): WorkerStats {
    const all = this.#workforce.workers;
    const starting = all.filter((worker) => worker.loading !== undefined && !this.#busy.has(worker)).length;
    const busy = this.#busy.size;
    return { busy, idle: all.length - busy - starting, starting, waiting: this.#queue.length };
  }

  get waiting(): number {
    return this.#queue.length;
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

  /** Idle workers that nobody waits for. */
  #spare(): NodeWorker[] {
    return this.#queue.length > 0 ? [] : this.#workforce.workers.filter((worker) => !this.#busy.has(worker));
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
    return this.#workforce.workers.flatMap(({ pid }) => pid ?? []);
  }

  /** Nothing more is run. Whoever owns the processes waits for their end. */
  close(): void {
    this.#closed = true;
    for (const worker of [...this.#busy.keys()]) this.#release(worker);
    this.#queue = [];
    this.#surplus.close();
    this.#workforce.close();
  }

  #pump(): void {
    if (this.#closed) return;
    const idle = this.#workforce.workers.filter((worker) => !this.#busy.has(worker));
    for (const job of this.#queue.splice(0)) {
      const failure = this.#workforce.failure(job.module);
      const index = idle.findIndex((worker) => worker.isReadyFor(job.module));
      const [worker] = index >= 0 && this.#active < MAX_BUSY ? idle.splice(index, 1) : [];
      if (failure) job.ended({ type: "load-failed", error: failure });
      else if (worker) this.#assign(worker, job);
      else this.#queue.push(job);
    }
    this.#keepReserve();
  }

  /** Workers whose body computes, as far as we know. */
  get #active(): number {
    return [...this.#busy.values()].filter(({ waitingFor }) => waitingFor === 0).length;
  }

  #keepReserve(): void {
    if (!this.#workforce.hasModules) return;
    const room = MAX_BUSY - this.#active;
    const reserve = this.#idleDeaths < MAX_IDLE_DEATHS && !this.#isShrunk ? RESERVE : 0;
    const wanted = this.#busy.size + Math.max(0, Math.min(room, this.#queue.length)) + reserve;
    for (let missing = wanted - this.#workforce.workers.length; missing > 0; missing -= 1) this.#workforce.start();
    this.#surplus.is(Math.max(0, this.#workforce.workers.length - wanted));
  }

  #heard(worker: NodeWorker, message: FromGuest): void {
    const assignment = this.#busy.get(worker);
    switch (message.type) {
      case "ended":
        if (assignment?.job.callId === message.callId) this.#ended(worker, assignment, message);
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
        if (assignment?.job.callId === message.callId) assignment.job.cancelNested(message.nested);
    }
  }

  #ended(worker: NodeWorker, assignment: Assignment, { ending, value }: FromGuest & { type: "ended" }): void {
    this.#release(worker);
    this.#idleDeaths = 0;
    endOf(assignment, ending, value);
    if (!worker.isWornOut()) return;
    this.#forget(worker);
    worker.terminate("recycle");
  }

  async #nested(worker: NodeWorker, assignment: Assignment | undefined, message: FromGuest & { type: "call" }) {
    if (assignment?.job.callId !== message.callId) {
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
    const loading = worker.modules.get(job.module);
    if (typeof loading === "object") return job.ended({ type: "load-failed", error: loading });
    const { callId, path, module, input, timeoutMs, quotas } = job;
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
    this.#busy.set(worker, { job, deadline, watch, waitingFor: 0 });
    worker.cgroup.lift();
    worker.busy();
    worker.calls += 1;
    worker.send({ type: "run", callId, path, module, input, outputBytes: quotas.outputBytes });
  }

  #watchQuotas(worker: NodeWorker, quotas: Quotas, exceeded: (excess: Excess) => void): Watch | undefined {
    if (worker.pid === undefined || !needsSampling(quotas)) return undefined;
    const before = baselineOf(worker.pid, quotas);
    return (
      before &&
      this.#watch.watch({ rootPid: worker.pid, quotas, cgroup: worker.cgroup, baseline: () => before, exceeded })
    );
  }

  #stop(worker: NodeWorker, { callId }: Job, reason: DOMException, why: WorkerEnd): void {
    worker.send({ type: "abort", callId, name: reason.name, message: reason.message });
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
