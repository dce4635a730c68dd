import type { ErrorInfo } from "../../call/outcome.ts";
import { backoffMs } from "../backoff.ts";
import type { ToolDescription } from "./messages.ts";

/** Imports of a module in a row that may fail before the calls that waited for them are told: 6.3 s and what the imports take. */
const MAX_FAILURES = 7;

interface Module {
  /** What the first worker that imported it said, or why it could not. */
  readonly described: PromiseWithResolvers<ToolDescription>;
  isDescribed: boolean;
  /** In a row. */
  failures: number;
  /** No worker tries before. */
  retryAtMs: number;
  /** Since when one worker, and no other, tries whether it can be imported. */
  triedSinceMs: number | undefined;
}

/** Calls that waited for an import that has failed too often. */
export interface GivenUp {
  readonly error: ErrorInfo;
  /** Who has waited since then or longer has had a try of his own. */
  readonly sinceMs: number;
}

/**
 * The modules that workers import. One that has been imported is imported by every worker. One that is new, or has failed, is tried by one
 * worker at a time, so that an import that hangs or ends the process takes no more than that; after a failure not before a delay has passed,
 * which doubles, and after many not unless a call wants it.
 */
export class WorkerModules {
  readonly #modules = new Map<string, Module>();

  get isEmpty(): boolean {
    return this.#modules.size === 0;
  }

  get names(): Iterable<string> {
    return this.#modules.keys();
  }

  /** Whether a worker is wanted that imports a module for the first time. */
  get hasUndescribed(): boolean {
    for (const { isDescribed } of this.#modules.values()) if (!isDescribed) return true;
    return false;
  }

  isDescribed(module: string): boolean {
    return this.#modules.get(module)?.isDescribed === true;
  }

  /** Those that could be imported the last time. */
  get sound(): string[] {
    return [...this.#modules]
      .filter(([, { isDescribed, failures }]) => isDescribed && failures === 0)
      .map(([url]) => url);
  }

  /** What the module's tool is: rejects with why it cannot be imported, and then the module is forgotten. */
  add(module: string): { readonly description: Promise<ToolDescription>; readonly isNew: boolean } {
    const known = this.#modules.get(module);
    const described = known?.described ?? Promise.withResolvers<ToolDescription>();
    if (!known)
      this.#modules.set(module, { described, isDescribed: false, failures: 0, retryAtMs: 0, triedSinceMs: undefined });
    return { description: described.promise, isNew: !known };
  }

  /** Whether a worker that has not tried yet is to import it now. `isWanted`: a call waits for it. */
  isDue(module: string, isWanted: boolean, nowMs: number): boolean {
    const known = this.#modules.get(module);
    if (!known || known.triedSinceMs !== undefined || nowMs < known.retryAtMs) return false;
    return known.failures < MAX_FAILURES || isWanted;
  }

  /** A worker is told to import it. */
  tries(module: string, nowMs: number): void {
    const known = this.#modules.get(module);
    if (known && (!known.isDescribed || known.failures > 0)) known.triedSinceMs = nowMs;
  }

  /** When the next failed one may be tried; undefined if none waits for that. */
  nextTryMs(isWanted: (module: string) => boolean, nowMs: number): number | undefined {
    let soonest: number | undefined;
    for (const [module, { failures, retryAtMs, triedSinceMs }] of this.#modules) {
      if (triedSinceMs !== undefined || retryAtMs <= nowMs) continue;
      if ((failures < MAX_FAILURES || isWanted(module)) && (soonest === undefined || retryAtMs < soonest))
        soonest = retryAtMs;
    }
    return soonest;
  }

  loaded(module: string, description: ToolDescription): void {
    const known = this.#modules.get(module);
    if (!known) return;
    Object.assign(known, { isDescribed: true, failures: 0, retryAtMs: 0, triedSinceMs: undefined });
    known.described.resolve(description);
  }

  /**
   * A worker could not import it, or ended meanwhile. A module that was never imported is forgotten, and whoever registers it is told.
   *
   * @returns whose calls are told, if any
   */
  failed(module: string, error: ErrorInfo, nowMs: number): GivenUp | undefined {
    const known = this.#modules.get(module);
    if (!known) return undefined;
    if (!known.isDescribed) {
      this.#modules.delete(module);
      known.described.reject(loadError(module, error));
      return undefined;
    }
    // Others that began before the first of them failed say nothing new.
    if (known.failures > 0 && known.triedSinceMs === undefined) return undefined;
    const sinceMs = known.triedSinceMs ?? nowMs;
    known.triedSinceMs = undefined;
    known.failures += 1;
    known.retryAtMs = nowMs + backoffMs(known.failures);
    return known.failures < MAX_FAILURES ? undefined : { error, sinceMs };
  }

  /** The worker that tried was ended for another reason. */
  notTried(module: string): void {
    const known = this.#modules.get(module);
    if (known) known.triedSinceMs = undefined;
  }

  close(): void {
    for (const { described } of this.#modules.values()) described.reject(new Error("the engine was closed"));
    this.#modules.clear();
  }
}

export function loadError(module: string, { name, message, stack, cause }: ErrorInfo): Error {
  const original = Object.assign(new Error(message), { name, stack, ...(cause ? { cause } : {}) });
  const kind = name === "TypeError" ? TypeError : Error;
  return new kind(`${module} cannot be loaded in a worker: ${name}: ${message}`, { cause: original });
}
