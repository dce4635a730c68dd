import type { ErrorInfo } from "../../call/outcome.ts";
import type { Clock, Timer } from "../../util/clock.ts";
import { formatDuration } from "../../util/duration.ts";
import type { FromGuest, ToolDescription } from "./messages.ts";
import { loadError } from "./modules.ts";
import { SourceLog, type Version } from "./source-log.ts";
import { carryOver, nextVersion } from "./sources.ts";
import type { NodeWorker } from "./worker.ts";

/** An import that takes longer is given up. */
export const LOAD_TIMEOUT_MS = 30_000;

export function firstVersion(): Version {
  return { log: hasHooks() ? orWarn(() => SourceLog.create()) : undefined };
}

/** Of a registered module that is read anew: all else stays as it is. */
export function versionAfter({ log }: Version, module: string, others: Iterable<string>): Version {
  return { log: log ? orWarn(() => nextVersion(log, module, others)) : undefined };
}

/** What has come to the version before in the meantime. */
export function completeVersion(next: Version, before: Version, module: string, others: Iterable<string>): void {
  if (next.log && before.log) carryOver(before.log, next.log, module, others);
}

/** Deno has none. */
function hasHooks(): boolean {
  return "registerHooks" in process.getBuiltinModule("node:module");
}

function orWarn(make: () => SourceLog): SourceLog | undefined {
  try {
    return make();
  } catch (error) {
    const message = `endstop keeps no sources of workers: what is changed while it runs can differ among them (${error})`;
    process.emitWarning(message, { type: "EndstopWarning", code: "ENDSTOP_NO_SOURCES" });
    return undefined;
  }
}

/** A new worker that imports a new version, of which nobody knows until all of it could be imported. */
export class Trial {
  /** Rejects with what went wrong, and with which module. */
  readonly descriptions: Promise<ReadonlyMap<string, ToolDescription>>;
  startedProcesses = false;
  readonly #clock: Clock;
  readonly #worker: NodeWorker;
  readonly #ended = Promise.withResolvers<ReadonlyMap<string, ToolDescription>>();
  readonly #described = new Map<string, ToolDescription>();
  #tooLate: Timer | undefined;

  constructor(clock: Clock, worker: NodeWorker, modules: Iterable<string>) {
    this.#clock = clock;
    this.#worker = worker;
    this.descriptions = this.#ended.promise;
    for (const module of modules) worker.load(module);
    this.#awaitLoad();
  }

  heard(message: FromGuest): void {
    if (message.type === "load-failed" || message.type === "broken") return this.failed(message.error);
    if (message.type === "ready") this.#worker.isReady = true;
    if (message.type === "loaded") {
      this.#worker.modules.set(message.module, "loaded");
      this.#described.set(message.module, message.description);
      this.startedProcesses ||= message.startedProcesses;
    }
    if (this.#worker.isLoading) return this.#awaitLoad();
    this.#tooLate?.cancel();
    this.#ended.resolve(this.#described);
  }

  failed(error: ErrorInfo): void {
    this.#tooLate?.cancel();
    this.#ended.reject(loadError(this.#worker.loading ?? "a module", error));
  }

  #awaitLoad(): void {
    this.#tooLate?.cancel();
    this.#tooLate = this.#clock.setTimer(LOAD_TIMEOUT_MS, () => this.failed(importTookTooLong()));
  }
}

export function importTookTooLong(): ErrorInfo {
  const message = `the import did not end within ${formatDuration(LOAD_TIMEOUT_MS)}`;
  return { name: "TimeoutError", message, stack: "" };
}
