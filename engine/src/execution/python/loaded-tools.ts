import type { Job } from "./job.ts";
import type { Readiness } from "./modules.ts";
import { tell, type Worker } from "./worker.ts";

interface LoadedTool {
  readonly modules: readonly string[];
  readonly payload: Uint8Array;
}

/** The tools that are known, by key, and what a worker needs to be told before it can run one. */
export class LoadedTools {
  readonly #tools = new Map<string, LoadedTool>();

  get count(): number {
    return this.#tools.size;
  }

  /** @returns false if the key was known: then nothing changes */
  add(key: string, modules: readonly string[], payload: Uint8Array): boolean {
    if (this.#tools.has(key)) return false;
    this.#tools.set(key, { modules, payload });
    return true;
  }

  /** What a job's tool needs; nothing if it is not known. */
  modulesOf({ key }: Job): readonly string[] {
    return this.#tools.get(key)?.modules ?? [];
  }

  /** Whether a job's tool can be run; `ofModules` says it of what the tool needs. */
  readiness({ key }: Job, ofModules: (modules: readonly string[]) => Readiness): Readiness {
    const tool = this.#tools.get(key);
    if (tool) return ofModules(tool.modules);
    return { type: "failed", error: { name: "LookupError", message: `no tool was loaded as ${key}`, stack: "" } };
  }

  /** Tells the worker the tool, if it has not had it before. @returns whether it was told */
  give(worker: Worker, key: string): boolean {
    const tool = this.#tools.get(key);
    if (!tool || worker.loaded.has(key)) return false;
    worker.loaded.add(key);
    tell(worker, { type: "load", key }, tool.payload);
    return true;
  }
}
