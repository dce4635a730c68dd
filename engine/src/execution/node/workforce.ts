import { errorInfo } from "../../call/error-info.ts";
import type { Crash, ErrorInfo } from "../../call/outcome.ts";
import type { OwnedProcesses } from "../../processes/owned-processes.ts";
import type { WorkerEnd } from "../../telemetry/engine-event.ts";
import type { EventStream } from "../../telemetry/event-stream.ts";
import type { Clock, Timer } from "../../util/clock.ts";
import { backoffMs } from "../backoff.ts";
import type { FromGuest, ToolDescription } from "./messages.ts";
import { type GivenUp, WorkerModules } from "./modules.ts";
import type { Version } from "./source-log.ts";
import { completeVersion, firstVersion, importTookTooLong, LOAD_TIMEOUT_MS, Trial, versionAfter } from "./version.ts";
import { NodeWorker, type WorkerEvents, type WorkerStdout } from "./worker.ts";

/** A module that a worker has imported. One that was registered before is read anew, and is in force when it is accepted. */
export interface LoadedModule {
  readonly description: ToolDescription;
  accept(): void;
  /** All stays as it was. */
  refuse(): void;
}

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
  readonly #trials = new Map<NodeWorker, Trial>();
  /** Made for the first worker. */
  #version: Version | undefined;
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

  /** Has a module imported. Rejects with what went wrong; then a new module is forgotten, and one that was there before stays what it was. */
  async load(module: string): Promise<LoadedModule> {
    if (this.#modules.isDescribed(module)) return this.#loadAnew(module);
    const { description, isNew } = this.#modules.add(module);
    if (isNew) this.#events.changed();
    return { description: await description, accept: () => {}, refuse: () => {} };
  }

  /** Whether a worker has an earlier version of what workers import. It ends when it runs no call. */
  isOutdated(worker: NodeWorker): boolean {
    return worker.version !== this.#version;
  }

  /** Starts a worker, unless the last ones ended at once: then not before a delay has passed. */
  start(): void {
    if (this.#clock.now() < this.#mayStartAtMs) return;
    this.#version ??= firstVersion();
    const worker: NodeWorker = this.#make(this.#version, {
      message: (message) => this.#heard(worker, message),
      lost: (crash) => this.#lost(worker, crash),
    });
    this.#workers.set(worker, { tooLate: undefined });
    this.bringUpToDate(worker);
    this.#awaitLoad(worker);
  }

  #make(version: Version, events: Pick<WorkerEvents, "message" | "lost">): NodeWorker {
    const worker: NodeWorker = new NodeWorker(this.#processes, this.#clock, this.#stdout, version, {
      ...events,
      exited: (crash) => {
        if (!this.#stream.hasListeners || worker.pid === undefined) return;
        const atMs = this.#clock.now();
        this.#stream.emit({ type: "worker-exit", atMs, pid: worker.pid, ...crash, reason: worker.endedFor });
      },
    });
    if (this.#stream.hasListeners && worker.pid !== undefined)
      this.#stream.emit({ type: "worker-start", atMs: this.#clock.now(), pid: worker.pid });
    return worker;
  }

  /**
   * A new worker imports the module anew, and the others with it, since they can share files. When that is accepted, its version is in force:
   * the workers of the one before end, each when it runs no call.
   */
  async #loadAnew(module: string): Promise<LoadedModule> {
    const before = this.#version ?? firstVersion();
    const others = this.#modules.sound.filter((name) => name !== module);
    const next = versionAfter(before, module, others);
    let isInForce = false;
    const worker: NodeWorker = this.#make(next, {
      message: (message) => (isInForce ? this.#heard(worker, message) : trial.heard(message)),
      lost: (crash) => (isInForce ? this.#lost(worker, crash) : trial.failed(endedAtImport(crash))),
    });
    const trial = new Trial(this.#clock, worker, [module, ...others]);
    this.#trials.set(worker, trial);
    const refuse = (): void => {
      this.#trials.delete(worker);
      worker.kill("recycle");
      next.log?.close();
    };
    const accept = (descriptions: ReadonlyMap<string, ToolDescription>): void => {
      this.#trials.delete(worker);
      isInForce = true;
      completeVersion(next, before, module, others);
      before.log?.close();
      this.#version = next;
      this.#workers.set(worker, { tooLate: undefined });
      for (const [name, description] of descriptions) this.#modules.loaded(name, description);
      if (trial.startedProcesses) this.#keepStarted(worker);
      this.#events.changed();
    };
    try {
      const descriptions = await trial.descriptions;
      return {
        description: descriptions.get(module) as ToolDescription,
        accept: () => accept(descriptions),
        refuse,
      };
    } catch (error) {
      refuse();
      throw error;
    }
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
    for (const trial of this.#trials.values()) trial.failed(errorInfo(new Error("the engine was closed")));
    this.#version?.log?.close();
    this.#version = undefined;
    this.#modules.close();
  }

  /** Gives each import its time, and the start of the process; they come one after the other. */
  #awaitLoad(worker: NodeWorker): void {
    const entry = this.#workers.get(worker);
    if (!entry || entry.tooLate) return;
    entry.tooLate = this.#clock.setTimer(LOAD_TIMEOUT_MS, () => {
      this.#discard(worker, importTookTooLong(), "deadline");
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
    if (!worker.isReady) {
      this.#startFailures += 1;
      this.#mayStartAtMs = this.#clock.now() + backoffMs(this.#startFailures);
    }
    this.#discard(worker, endedAtImport(crash), null);
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

function endedAtImport({ signal, exitCode }: Crash): ErrorInfo {
  const how = signal === null ? `exit code ${exitCode}` : `signal ${signal}`;
  return { name: "WorkerCrashed", message: `the import ended its process: ${how}`, stack: "" };
}
