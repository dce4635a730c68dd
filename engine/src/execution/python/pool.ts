import { didNotStart, type Ending } from "../../call/ending.ts";
import type { Crash } from "../../call/outcome.ts";
import { toldEnding } from "../../call/told-ending.ts";
import type { RunningCall } from "../../load/furthest-over-share.ts";
import type { WorkersMakeWay } from "../../load/relief.ts";
import { judgeOutput, needsSampling } from "../../policy/quota.ts";
import { largestOf } from "../../processes/process-tree.ts";
import { QuotaWatch, type Watch } from "../../processes/quota-watch.ts";
import type { WorkerEnd } from "../../telemetry/engine-event.ts";
import type { WorkerStats } from "../../telemetry/engine-stats.ts";
import type { EventStream } from "../../telemetry/event-stream.ts";
import type { Clock } from "../../util/clock.ts";
import { Deadlines } from "../../util/deadlines.ts";
import { type RunningInWorker, runningCalls } from "../running-calls.ts";
import { Surplus } from "../surplus.ts";
import { type Accept, newToken, sameToken } from "./dial-in.ts";
import type { Job } from "./job.ts";
import { LoadedTools } from "./loaded-tools.ts";
import { matchJobs } from "./matching.ts";
import type { Ended, FromWorker, GuestHello } from "./messages.ts";
import { excessBehind, withOwnLimits, workerLimits } from "./quotas.ts";
import type { PythonCommand } from "./template.ts";
import { type Queued, WaitingJobs } from "./waiting-jobs.ts";
import { isWornOut, tell, type Worker, workerName } from "./worker.ts";
import { MAX_BUSY, parentsOf, workersWanted } from "./workers-wanted.ts";
import { Workforce, type WorkforceEvents } from "./workforce.ts";

/** What a worker may say of a call. The engine itself sees all other endings. */
const WORKERS_TELL: ReadonlySet<Ending["type"]> = new Set([
  "returned",
  "raised",
  "load-failed",
  "cannot-move",
  "too-large",
]);
const NONSENSE = { signal: null, exitCode: null, because: "it was ended, since what it sent makes no sense" };
/** Past so many messages that are no answer, a worker's call is ended, too. */
const MAX_OUT_OF_TURN = 100;

/** A frame that a worker has begun to send as its deadline passes has so long to come. */
const READING_GRACE_MS = 250;
const READING_STEP_MS = 5;

interface Assignment {
  readonly job: Job;
  /** With it the worker answers. */
  readonly nonce: string;
  readonly queued: Queued;
  /** The worker had not had this tool before. */
  readonly isLoading: boolean;
  /** Calls off its deadline. */
  callOff: (() => void) | undefined;
  watch: Watch | undefined;
}

/**
 * Runs jobs in Python workers: one at a time in each, first come first served. A worker that passes its job's deadline
 * is killed with its process group, and another takes its place.
 */
export class PythonPool implements WorkersMakeWay {
  readonly #clock: Clock;
  readonly #workforce: Workforce;
  readonly #watch: QuotaWatch;
  readonly #deadlines: Deadlines;
  readonly #tools = new LoadedTools();
  readonly #busy = new Map<Worker, Assignment>();
  readonly #queue: WaitingJobs;
  readonly #surplus: Surplus;
  #closed = false;
  #isShrunk = false;

  /** @param opened told where workers dial and note what they begin, before any does */
  constructor(
    python: PythonCommand,
    clock: Clock,
    acceptGuest: Accept<GuestHello>,
    stream: EventStream,
    opened: (directory: string) => void,
  ) {
    this.#clock = clock;
    this.#watch = new QuotaWatch(clock);
    this.#deadlines = new Deadlines(clock);
    this.#queue = new WaitingJobs(clock);
    this.#surplus = new Surplus(clock, (count) => this.#retireSpare(count, "idle"));
    const events: WorkforceEvents = {
      message: (worker, message, body) => this.#heard(worker, message, body),
      lost: (worker, crash) => this.#lost(worker, crash),
      gaveUp: (description) => this.#queue.refuse(`no worker can be had: the last ${description}`),
      changed: () => this.#pump(),
    };
    this.#workforce = new Workforce(python, clock, events, acceptGuest, stream, opened);
  }

  get figures(): WorkerStats {
    const busy = this.#busy.size;
    const idle = this.#idle.length;
    return { busy, idle, starting: this.#workforce.forkingCount, waiting: this.#queue.count };
  }

  shrinkReserve(isShrunk: boolean): void {
    this.#isShrunk = isShrunk;
    if (isShrunk) this.#retireSpare(Number.POSITIVE_INFINITY, "pressure");
    else this.#pump();
  }

  recycleLargestIdle(): void {
    const largest = largestOf(this.#spare());
    if (largest) this.#workforce.retire(largest, "pressure");
    this.#pump();
  }

  get running(): RunningInWorker[] {
    return runningCalls(this.#busy);
  }

  sacrifice({ callId, memoryBytes, shareBytes }: RunningCall): void {
    for (const [worker, { job }] of [...this.#busy])
      if (job.callId === callId)
        this.#stop(worker, job, { type: "memory-pressure", observedBytes: memoryBytes, shareBytes }, "pressure");
  }

  #retireSpare(count: number, why: WorkerEnd): void {
    for (const worker of this.#spare().slice(-count)) this.#workforce.retire(worker, why);
    this.#pump();
  }

  /** Idle workers that nobody waits for. */
  #spare(): Worker[] {
    return this.#queue.count > 0 ? [] : this.#idle;
  }

  /** The one with the most calls first: it has the tools, and is warm. */
  get #idle(): Worker[] {
    return this.#workforce.living.filter((worker) => !this.#busy.has(worker)).sort((a, b) => b.calls - a.calls);
  }

  /** Process ids of the workers. */
  get pids(): number[] {
    return this.#workforce.living.flatMap(({ pid }) => pid ?? []);
  }

  /** @throws Error of the file system */
  get socketPath(): string {
    return this.#workforce.socketPath;
  }

  /** The id of the call that a worker runs, if it has this name and token. */
  callOf(name: string, token: string): string | undefined {
    for (const [worker, { job }] of this.#busy)
      if (workerName(worker.number) === name) return sameToken(worker.token, token) ? job.callId : undefined;
    return undefined;
  }

  /** Whether the template was told to import it. */
  isKnown(module: string): boolean {
    return this.#workforce.isKnown(module);
  }

  /** Makes a tool known and has its modules imported. The same key again changes nothing. */
  load(key: string, modules: readonly string[], payload: Uint8Array): void {
    if (!this.#tools.add(key, modules, payload)) return;
    this.#workforce.request(modules);
    this.#pump();
  }

  /** Runs a job as soon as its tool is loaded and a worker is free. */
  run(job: Job): void {
    const worker = this.#workerAtOnceFor(job);
    if (worker) this.#assign(worker, { job, isRetry: false, queuedAtMs: this.#clock.now() });
    else {
      this.#queue.add(job);
      this.#workforce.retry(this.#tools.modulesOf(job));
      this.#workforce.wake();
    }
    this.#pump();
  }

  /**
   * Takes a job back: from the queue, or by killing the worker that runs it.
   *
   * @returns whether its body had started; undefined if there is no such job
   */
  cancel(callId: string): boolean | undefined {
    const queued = this.#queue.find(callId);
    if (queued) {
      this.#queue.leave(queued);
      return false;
    }
    for (const [worker, { job }] of this.#busy) {
      if (job.callId !== callId) continue;
      this.#release(worker);
      this.#workforce.kill(worker, "cancel");
      const started = this.#workforce.mayHaveBegun(worker, job);
      this.#pump();
      return started;
    }
    return undefined;
  }

  /** Ends every process. Jobs in flight are not told. */
  close(): Promise<void> {
    this.#closed = true;
    this.#watch.close();
    this.#deadlines.close();
    for (const worker of [...this.#busy.keys()]) this.#release(worker);
    this.#queue.clear();
    this.#surplus.close();
    return this.#workforce.close();
  }

  /** Kills what can be killed without waiting: for a process that is ending. */
  destroyNow(): void {
    this.#workforce.destroyNow();
  }

  /** The idle worker with the most calls, where no other look at the pool is needed: nobody waits, and few are busy. */
  #workerAtOnceFor(job: Job): Worker | undefined {
    if (this.#closed || this.#queue.count > 0 || this.#busy.size >= MAX_BUSY) return undefined;
    if (this.#tools.readiness(job, (modules) => this.#workforce.readiness(modules)).type !== "ready") return undefined;
    const { generation } = this.#workforce;
    let chosen: Worker | undefined;
    for (const worker of this.#workforce.workers) {
      const isIdle = worker.life.type === "alive" && worker.generation === generation && !this.#busy.has(worker);
      if (isIdle && (!chosen || worker.calls > chosen.calls)) chosen = worker;
    }
    return chosen;
  }

  #pump(): void {
    if (this.#closed) return;
    const idle: Worker[] = [];
    for (const worker of this.#idle) {
      if (worker.generation < this.#workforce.generation) this.#workforce.retire(worker, "recycle");
      else idle.push(worker);
    }
    const parents = parentsOf(this.#busy.values());
    const isParent = (callId: string): boolean => parents.has(callId) || this.#queue.isParent(callId);
    let working = 0;
    for (const { job } of this.#busy.values()) if (!isParent(job.callId)) working += 1;
    const readinessOf = (job: Job) => this.#tools.readiness(job, (modules) => this.#workforce.readiness(modules));
    const matches = matchJobs(this.#queue.groups, idle, working, isParent, readinessOf);
    for (const { queued, worker } of matches.starts) {
      this.#queue.leave(queued);
      this.#assign(worker, queued);
    }
    for (const { queued } of matches.failed) this.#queue.leave(queued);
    this.#keepReserve(matches.idle.length, matches.working, matches.waiting);
    // Last: whoever is told can come back with another job.
    for (const { queued, error } of matches.failed) queued.job.ended({ type: "load-failed", error });
  }

  #keepReserve(idle: number, working: number, waiting: number): void {
    // A worker forked before the modules are there would lack them.
    if (this.#tools.count === 0 || this.#workforce.isPreparing) return;
    if (this.#workforce.isFailing && waiting === 0) return;
    const parents = this.#busy.size - working;
    const wanted = workersWanted({ parents, working, waiting, isShrunk: this.#isShrunk });
    const have = this.#busy.size + idle + this.#workforce.forkingCount;
    for (let missing = wanted - have; missing > 0; missing -= 1) this.#workforce.fork();
    this.#surplus.is(Math.max(0, Math.min(idle, have - wanted)));
  }

  #assign(worker: Worker, queued: Queued): void {
    if (worker.channel?.isReceiving) {
      // A body has written the beginning of a frame there: the answer would be taken for its end.
      this.#workforce.kill(worker, "recycle");
      return this.#queue.putBack(queued, queued.isRetry);
    }
    const { job, queuedAtMs } = queued;
    const { callId, attempt, key, args, withinMs } = job;
    const startedAtMs = this.#clock.now();
    const leftMs = withinMs === null ? Number.POSITIVE_INFINITY : Math.max(1, withinMs - (startedAtMs - queuedAtMs));
    const timeoutMs = job.timeoutMs === null && withinMs === null ? null : Math.min(job.timeoutMs ?? leftMs, leftMs);
    const isLoading = this.#tools.give(worker, key);
    worker.cgroup.lift();
    job.given(this.#workforce.noteOf(worker), worker.latest);
    // The worker first: while it wakes up, the rest is done.
    const nonce = newToken();
    const toStdout = job.stdout === "stdout" || undefined;
    tell(worker, { type: "run", callId, attempt, nonce, key, limits: workerLimits(job.quotas), toStdout }, args);
    worker.calls += 1;
    worker.given.add(callId);
    worker.latest = callId;
    const assignment: Assignment = { job, nonce, queued, isLoading, callOff: undefined, watch: undefined };
    this.#busy.set(worker, assignment);
    if (!queued.isRetry) job.begun();
    if (timeoutMs !== null) {
      let firstLookMs: number | undefined;
      const expire = (): void => {
        const nowMs = this.#clock.now();
        firstLookMs ??= nowMs;
        // It may be the ending: what ended in time is not late since it is long, and we were busy.
        const isTelling = worker.channel?.isReceiving && nowMs < firstLookMs + READING_GRACE_MS;
        if (isTelling) assignment.callOff = this.#deadlines.set(READING_STEP_MS, expire);
        else this.#expire(worker, job, timeoutMs, nowMs - startedAtMs);
      };
      // Not from now: the worker that has been told may have taken our processor meanwhile.
      assignment.callOff = this.#deadlines.setAt(startedAtMs + timeoutMs, expire);
    }
    assignment.watch = this.#watchQuotas(worker, job);
  }

  #watchQuotas(worker: Worker, job: Job): Watch | undefined {
    if (worker.pid === undefined || !needsSampling(job.quotas)) return undefined;
    return this.#watch.watch({
      rootPid: worker.pid,
      quotas: job.quotas,
      cgroup: worker.cgroup,
      baseline: () => this.#workforce.begun(worker, job),
      exceeded: (excess) => this.#stop(worker, job, { type: "over-quota", ...excess }),
    });
  }

  #expire(worker: Worker, job: Job, limitMs: number, observedMs: number): void {
    this.#release(worker);
    this.#workforce.kill(worker, "deadline");
    // Only now nothing can begin any more: a worker that stood still, or was loading the tool, has run no body.
    const hasBegun = this.#workforce.mayHaveBegun(worker, job);
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
    if (!assignment || !isAnswerTo(assignment, message)) return this.#outOfTurn(worker, assignment);
    const { job } = assignment;
    const ending = toldEnding(message.ending);
    const makesSense = ending && WORKERS_TELL.has(ending.type);
    if (!makesSense || (didNotStart(ending) && this.#workforce.mayHaveBegun(worker, job)))
      return this.#stop(worker, job, { type: "crashed", ...NONSENSE }, "recycle");
    if (isUnloaded(ending) && worker.calls > 1 && !assignment.queued.isRetry) {
      // It may be what an earlier body did to the interpreter. None has begun, so another worker may try.
      this.#release(worker);
      this.#workforce.kill(worker, "recycle");
      this.#queue.putBack(assignment.queued, true);
      return this.#pump();
    }
    const excess = judgeOutput(job.quotas, body.length) ?? excessBehind(ending, job.quotas, assignment.watch);
    if (excess) return this.#stop(worker, job, { type: "over-quota", ...excess });
    this.#release(worker);
    if (message.leftProcesses || isWornOut(worker, message.grownBytes)) this.#workforce.kill(worker, "recycle");
    job.ended(withOwnLimits(ending, job.quotas), body);
    this.#pump();
  }

  /**
   * A body has written to its worker's socket, or left somebody there who does. The call that the worker runs by now may be another's: if its
   * body has not begun, another worker gets it; else it goes on. Then the worker is ended.
   */
  #outOfTurn(worker: Worker, assignment: Assignment | undefined): void {
    worker.outOfTurn += 1;
    if (!assignment) this.#workforce.kill(worker, "recycle");
    else if (worker.outOfTurn > MAX_OUT_OF_TURN)
      return this.#stop(worker, assignment.job, { type: "crashed", ...NONSENSE }, "recycle");
    else if (worker.outOfTurn === 1 && !this.#workforce.mayHaveBegun(worker, assignment.job)) {
      this.#release(worker);
      this.#workforce.kill(worker, "recycle");
      const { job, queued } = assignment;
      // It may have begun in this very instant.
      if (this.#workforce.mayHaveBegun(worker, job)) job.ended({ type: "crashed", ...NONSENSE });
      else this.#queue.putBack(queued, queued.isRetry);
    }
    this.#pump();
  }

  #lost(worker: Worker, crash: Crash): void {
    const assignment = this.#busy.get(worker);
    if (assignment) {
      this.#release(worker);
      const { job, queued, isLoading, watch } = assignment;
      if (this.#workforce.mayHaveBegun(worker, job)) {
        const ending: Ending = { type: "crashed", ...crash };
        const excess = excessBehind(ending, job.quotas, watch);
        job.ended(excess ? { type: "over-quota", ...excess } : ending);
      } else if (isLoading && queued.isRetry) {
        const error = { name: "WorkerCrashed", message: "the worker ended while it loaded the tool", stack: "" };
        job.ended({ type: "load-failed", error });
      } else {
        // It was dying as it was given the job, or died of loading the tool: no body has begun, so another one may try.
        this.#queue.putBack(queued, isLoading);
      }
    }
    this.#pump();
  }

  #release(worker: Worker): void {
    const assignment = this.#busy.get(worker);
    assignment?.callOff?.();
    assignment?.watch?.end();
    this.#busy.delete(worker);
  }
}

/** The worker could not make the tool or its arguments. */
function isUnloaded(ending: Ending): boolean {
  return ending.type === "load-failed" || (ending.type === "cannot-move" && !ending.started);
}

function isAnswerTo({ job, nonce }: Assignment, message: FromWorker): message is Ended {
  if (message.type !== "ended" || message.callId !== job.callId || message.attempt !== job.attempt) return false;
  return sameToken(nonce, message.nonce);
}
