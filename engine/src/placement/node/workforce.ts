import type { Crash, ErrorInfo } from "../../call/outcome.ts";
import type { EventStream } from "../../events/event-stream.ts";
import type { Clock, Timer } from "../../internal/clock.ts";
import { formatDuration } from "../../internal/duration.ts";
import type { OwnedProcesses } from "../../supervise/owned-processes.ts";
import type { FromGuest, ToolDescription } from "./messages.ts";
import { NodeWorker } from "./worker.ts";

/** An import that takes longer is given up. */
const LOAD_TIMEOUT_MS = 30_000;
/** Workers in a row that may end while they import a module that was imported before; then its calls fail. */
const MAX_DEATHS = 3;

export interface WorkforceEvents {
  message(worker: NodeWorker, message: FromGuest): void;
  /** A worker has ended that was not killed by us. It is forgotten already. */
  lost(worker: NodeWorker, crash: Crash): void;
  /** A worker or a module is ready, or has failed. */
  changed(): void;
}

interface Module {
  /** What the first worker that imported it said, or why it could not. */
  readonly described: PromiseWithResolvers<ToolDescription>;
  isDescribed: boolean;
  deaths: number;
  /** Set once no worker is given the module any more. */
  failure: ErrorInfo | undefined;
}

/** The workers there are, and the modules that each of them imports, one after the other, when it starts. */
export class NodeWorkforce {
  readonly #processes: OwnedProcesses;
  readonly #clock: Clock;
  readonly #events: WorkforceEvents;
  readonly #stream: EventStream;
  readonly #modules = new Map<string, Module>();
  readonly #workers = new Map<NodeWorker, { tooLate: Timer | undefined }>();

  constructor(processes: OwnedProcesses, clock: Clock, events: WorkforceEvents, stream: EventStream) {
    this.#stream = stream;
    this.#processes = processes;
    this.#clock = clock;
    this.#events = events;
  }

  get workers(): readonly NodeWorker[] {
    return [...this.#workers.keys()];
  }

  get hasModules(): boolean {
    return this.#modules.size > 0;
  }

  /** Why no worker can run the module's tool; undefined if one can, or will. */
  failure(module: string): ErrorInfo | undefined {
    return this.#modules.get(module)?.failure;
  }

  /** Has a module imported, and says what its tool is. Rejects with what went wrong; then the module is forgotten. */
  load(module: string): Promise<ToolDescription> {
    const known = this.#modules.get(module);
    if (known) return known.described.promise;
    const described = Promise.withResolvers<ToolDescription>();
    this.#modules.set(module, { described, isDescribed: false, deaths: 0, failure: undefined });
    for (const worker of this.#workers.keys()) this.#tellToLoad(worker, module);
    this.#events.changed();
    return described.promise;
  }

  start(): void {
    const worker: NodeWorker = new NodeWorker(this.#processes, this.#clock, {
      message: (message) => this.#heard(worker, message),
      lost: (crash) => {
        const how = crash.signal === null ? `exit code ${crash.exitCode}` : `signal ${crash.signal}`;
        this.forget(worker);
        this.#diedLoading(worker, {
          name: "WorkerCrashed",
          message: `the import ended its process: ${how}`,
          stack: "",
        });
        this.#events.lost(worker, crash);
      },
      exited: (crash) => {
        if (!this.#stream.hasListeners || worker.pid === undefined) return;
        const atMs = this.#clock.now();
        this.#stream.emit({ type: "worker-exit", atMs, pid: worker.pid, ...crash, reason: worker.endedFor });
      },
    });
    if (this.#stream.hasListeners && worker.pid !== undefined)
      this.#stream.emit({ type: "worker-start", atMs: this.#clock.now(), pid: worker.pid });
    this.#workers.set(worker, { tooLate: undefined });
    for (const [module, { failure }] of this.#modules) if (!failure) this.#tellToLoad(worker, module);
  }

  forget(worker: NodeWorker): void {
    this.#workers.get(worker)?.tooLate?.cancel();
    this.#workers.delete(worker);
  }

  close(): void {
    for (const worker of this.workers) {
      this.forget(worker);
      worker.kill("close");
    }
    for (const { described } of this.#modules.values()) described.reject(new Error("the engine was closed"));
    this.#modules.clear();
  }

  #tellToLoad(worker: NodeWorker, module: string): void {
    worker.load(module);
    this.#awaitLoad(worker);
  }

  /** Gives each import its time; they come one after the other. */
  #awaitLoad(worker: NodeWorker): void {
    const entry = this.#workers.get(worker);
    if (!entry || entry.tooLate) return;
    entry.tooLate = this.#clock.setTimer(LOAD_TIMEOUT_MS, () => {
      const message = `the import did not end within ${formatDuration(LOAD_TIMEOUT_MS)}`;
      this.forget(worker);
      worker.kill("deadline");
      this.#diedLoading(worker, { name: "TimeoutError", message, stack: "" });
      this.#events.changed();
    });
  }

  #heard(worker: NodeWorker, message: FromGuest): void {
    if (message.type !== "loaded" && message.type !== "load-failed") return this.#events.message(worker, message);
    const known = this.#modules.get(message.module);
    worker.modules.set(message.module, message.type === "loaded" ? "loaded" : message.error);
    if (message.type === "load-failed") this.#refuse(message.module, message.error);
    else if (known) {
      known.isDescribed = true;
      known.deaths = 0;
      known.described.resolve(message.description);
    }
    const entry = this.#workers.get(worker);
    entry?.tooLate?.cancel();
    if (entry) entry.tooLate = undefined;
    if (worker.loading !== undefined) this.#awaitLoad(worker);
    this.#events.changed();
  }

  /** A worker ended while it imported a module: that one is to blame, and not those that would have come after it. */
  #diedLoading(worker: NodeWorker, error: ErrorInfo): void {
    const module = worker.loading;
    const known = module === undefined ? undefined : this.#modules.get(module);
    if (module === undefined || !known) return;
    known.deaths += 1;
    if (!known.isDescribed) this.#refuse(module, error);
    else if (known.deaths >= MAX_DEATHS) known.failure = error;
  }

  /** Whoever registers a module is told, and it is as if it had never been named. One that was there before stays. */
  #refuse(module: string, error: ErrorInfo): void {
    const known = this.#modules.get(module);
    if (!known || known.isDescribed) return;
    this.#modules.delete(module);
    known.described.reject(loadError(module, error));
  }
}

function loadError(module: string, { name, message, stack, cause }: ErrorInfo): Error {
  const original = Object.assign(new Error(message), { name, stack, ...(cause ? { cause } : {}) });
  const kind = name === "TypeError" ? TypeError : Error;
  return new kind(`${module} cannot be loaded in a worker: ${name}: ${message}`, { cause: original });
}
