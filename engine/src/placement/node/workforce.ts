import type { Crash, ErrorInfo } from "../../call/outcome.ts";
import type { WorkerEnd } from "../../events/engine-event.ts";
import type { EventStream } from "../../events/event-stream.ts";
import type { Clock, Timer } from "../../internal/clock.ts";
import { formatDuration } from "../../internal/duration.ts";
import type { OwnedProcesses } from "../../supervise/owned-processes.ts";
import { backoffMs } from "../backoff.ts";
import type { FromGuest, ToolDescription } from "./messages.ts";
import { type GivenUp, WorkerModules } from "./modules.ts";
import { NodeWorker, type WorkerStdout } from "./worker.ts";

/** An import that takes longer is given up. */
const LOAD_TIMEOUT_MS = 30_000;

export interface WorkforceEvents {
  message(worker: NodeWorker, message: FromGuest): void;
  /** A worker has ended that was not killed by us. It is forgotten already. */
  lost(worker: NodeWorker, crash: Crash): void;
  /** A module has failed to be imported too often for these calls to wait on. */
  gaveUp(module: string, givenUp: GivenUp): void;
  /** Whether a call waits for a worker that has this module. */
  isWanted(module: string): boolean;
  /** A worker or a module is ready, or has failed, or may be tried again. */
  changed(): void;
}

/** The workers there are, and what each of them imports: every registered module, one after the other, while it runs no call. */
export class NodeWorkforce {
  readonly #processes: OwnedProcesses;
  readonly #clock: Clock;
  readonly #events: WorkforceEvents;
  readonly #stream: EventStream;
  readonly #stdout: WorkerStdout;
  readonly #modules = new WorkerModules();
  readonly #workers = new Map<NodeWorker, { tooLate: Timer | undefined }>();
  /** Processes in a row that ended before they were ready for anything. */
  #startFailures = 0;
  #mayStartAtMs = 0;
  #retry: { readonly dueMs: number; readonly timer: Timer } | undefined;

  constructor(
    processes: OwnedProcesses,
    clock: Clock,
    events: WorkforceEvents,
    stream: EventStream,
    stdout: WorkerStdout,
  ) {
    this.#stdout = stdout;
    this.#stream = stream;
    this.#processes = processes;
    this.#clock = clock;
    this.#events = events;
  }

  get workers(): Iterable<NodeWorker> {
    return this.#workers.keys();
  }

  get count(): number {
    return this.#workers.size;
  }

  get hasModules(): boolean {
    return !this.#modules.isEmpty;
  }

  /** Whether a worker is wanted that imports a module for the first time. */
  get hasUndescribed(): boolean {
    return this.#modules.hasUndescribed;
  }

  /** Has a module imported, and says what its tool is. Rejects with what went wrong; then the module is forgotten. */
  load(module: string): Promise<ToolDescription> {
    const { description, isNew } = this.#modules.add(module);
    if (isNew) this.#events.changed();
    return description;
  }

  /** Starts a worker, unless the last ones ended at once: then not before a delay has passed. */
  start(): void {
    if (this.#clock.now() < this.#mayStartAtMs) return;
    const worker: NodeWorker = new NodeWorker(this.#processes, this.#clock, this.#stdout, {
      message: (message) => this.#heard(worker, message),
      lost: (crash) => this.#lost(worker, crash),
      exited: (crash) => {
        if (!this.#stream.hasListeners || worker.pid === undefined) return;
        const atMs = this.#clock.now();
        this.#stream.emit({ type: "worker-exit", atMs, pid: worker.pid, ...crash, reason: worker.endedFor });
      },
    });
    if (this.#stream.hasListeners && worker.pid !== undefined)
      this.#stream.emit({ type: "worker-start", atMs: this.#clock.now(), pid: worker.pid });
    this.#workers.set(worker, { tooLate: undefined });
    this.bringUpToDate(worker);
    this.#awaitLoad(worker);
  }

  /** Has a worker that runs no call import what it lacks. Afterwards it may be loading. */
  bringUpToDate(worker: NodeWorker): void {
    const nowMs = this.#clock.now();
    for (const module of this.#modules.names) {
      if (worker.modules.has(module) || !this.#modules.isDue(module, this.#events.isWanted(module), nowMs)) continue;
      this.#modules.tries(module, nowMs);
      worker.load(module);
    }
    if (worker.isLoading) this.#awaitLoad(worker);
  }

  /** Wakes whoever waits for a worker or an import to be tried again. To be called when all else is done. */
  planRetry(): void {
    const nowMs = this.#clock.now();
    const isWanted = (module: string): boolean => this.#events.isWanted(module);
    const startMs = this.#mayStartAtMs > nowMs ? this.#mayStartAtMs : undefined;
    const dueMs = Math.min(
      this.#modules.nextTryMs(isWanted, nowMs) ?? Number.POSITIVE_INFINITY,
      startMs ?? Number.POSITIVE_INFINITY,
    );
    if (dueMs === this.#retry?.dueMs) return;
    this.#retry?.timer.cancel();
    this.#retry = undefined;
    if (dueMs === Number.POSITIVE_INFINITY) return;
    const timer = this.#clock.setTimer(dueMs - nowMs, () => {
      this.#retry = undefined;
      this.#events.changed();
    });
    this.#retry = { dueMs, timer };
  }

  forget(worker: NodeWorker): void {
    this.#workers.get(worker)?.tooLate?.cancel();
    this.#workers.delete(worker);
    for (const [module, state] of worker.modules) if (state === "loading") this.#modules.notTried(module);
  }

  close(): void {
    this.#retry?.timer.cancel();
    for (const worker of [...this.#workers.keys()]) {
      this.forget(worker);
      worker.kill("close");
    }
    this.#modules.close();
  }

  /** Gives each import its time, and the start of the process; they come one after the other. */
  #awaitLoad(worker: NodeWorker): void {
    const entry = this.#workers.get(worker);
    if (!entry || entry.tooLate) return;
    entry.tooLate = this.#clock.setTimer(LOAD_TIMEOUT_MS, () => {
      const message = `the import did not end within ${formatDuration(LOAD_TIMEOUT_MS)}`;
      this.#discard(worker, { name: "TimeoutError", message, stack: "" }, "deadline");
      this.#events.changed();
    });
  }

  #heard(worker: NodeWorker, message: FromGuest): void {
    switch (message.type) {
      case "ready":
        worker.isReady = true;
        this.#startFailures = 0;
        break;
      case "loaded":
        worker.modules.set(message.module, "loaded");
        this.#modules.loaded(message.module, message.description);
        if (message.startedProcesses) this.#keepStarted(worker);
        break;
      case "load-failed":
        // What Node could not import once, it does not try again in the same process.
        this.#discard(worker, message.error, "recycle");
        return this.#events.changed();
      default:
        return this.#events.message(worker, message);
    }
    const entry = this.#workers.get(worker);
    entry?.tooLate?.cancel();
    if (entry) entry.tooLate = undefined;
    if (worker.isLoading) this.#awaitLoad(worker);
    this.#events.changed();
  }

  /** What a module starts as it is imported stays as long as the worker. */
  #keepStarted(worker: NodeWorker): void {
    void worker.keepStarted().then(() => this.#events.changed());
  }

  #lost(worker: NodeWorker, crash: Crash): void {
    const how = crash.signal === null ? `exit code ${crash.exitCode}` : `signal ${crash.signal}`;
    if (!worker.isReady) {
      this.#startFailures += 1;
      this.#mayStartAtMs = this.#clock.now() + backoffMs(this.#startFailures);
    }
    const error = { name: "WorkerCrashed", message: `the import ended its process: ${how}`, stack: "" };
    this.#discard(worker, error, null);
    this.#events.lost(worker, crash);
  }

  /** A worker that cannot import what it was told to, or ended meanwhile. What would have come after that is not to blame. */
  #discard(worker: NodeWorker, error: ErrorInfo, why: WorkerEnd | null): void {
    const { loading } = worker;
    if (loading !== undefined) {
      worker.modules.delete(loading);
      const givenUp = this.#modules.failed(loading, error, this.#clock.now());
      if (givenUp) this.#events.gaveUp(loading, givenUp);
    }
    this.forget(worker);
    worker.kill(why);
  }
}
