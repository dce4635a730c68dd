import type { EngineCore } from "../core.ts";
import type { EngineOptions } from "../policy/policy.ts";
import type { Relief } from "../pressure/relief.ts";
import type { Run } from "../run/run.ts";
import type { Engines, OpenEngine } from "./engines.ts";

/** Engines of guests that are kept: past them, the one opened first is forgotten with its counts. */
const MAX_KEPT = 1_000;

/** What the guests of one host have opened: kept when a guest leaves, since the next body's worker opens it again. */
export class KeptEngines {
  readonly host: Engines;
  readonly #kept: Engines;
  readonly #names = new Set<string>();

  constructor(host: Engines, kept: Engines) {
    this.host = host;
    this.#kept = kept;
  }

  open(name: string, options: EngineOptions): OpenEngine {
    if (this.host.has(name)) return this.host.get(name);
    if (!this.#kept.has(name)) {
      this.#kept.open(name, options);
      this.#names.add(name);
      const [oldest] = this.#names;
      if (this.#names.size > MAX_KEPT && oldest !== undefined) this.close(oldest);
    }
    return this.#kept.get(name);
  }

  set relief(relief: Relief) {
    this.host.relief = relief;
    this.#kept.relief = relief;
  }

  get cores(): EngineCore[] {
    return [...this.host.cores, ...this.#kept.cores];
  }

  close(name: string): void {
    if (this.#names.delete(name)) this.#kept.close(name);
  }

  /** Where an engine is open: the host's own, or one of guests. */
  ownerOf(name: string): Engines | undefined {
    return [this.host, this.#kept].find((engines) => engines.has(name));
  }
}

/**
 * The engines that one guest has opened. The same name is the same engine, of the host or of another guest: a forked process has the
 * executor of its parent, so its counts go on. Runs that it found open are not its own to close.
 */
export class GuestEngines {
  readonly #kept: KeptEngines;
  readonly #run: Run | undefined;
  readonly #open = new Map<string, OpenEngine>();
  readonly #ownRuns = new Map<string, string>();

  /** @param run that of the call whose body the guest belongs to */
  constructor(kept: KeptEngines, run: Run | undefined) {
    this.#kept = kept;
    this.#run = run;
  }

  /** @throws TypeError if this guest has not opened it */
  get(name: string): OpenEngine {
    const engine = this.#open.get(name);
    if (!engine) throw new TypeError(`no engine named ${name} is open`);
    return engine;
  }

  open(name: string, options: EngineOptions): void {
    if (this.#open.has(name)) throw new TypeError(`an engine named ${name} is open already`);
    this.#open.set(name, this.#kept.open(name, options));
  }

  /** @param joins whether it is the run of the guest's call, if that has one */
  openRun(engine: string, name: string, joins: boolean): void {
    const { runs } = this.get(engine);
    if (runs.has(name)) return;
    if (joins && this.#run) runs.set(name, this.#run);
    else this.#kept.ownerOf(engine)?.openRun(engine, name, false);
    this.#ownRuns.set(name, engine);
  }

  closeRun(engine: string, name: string): void {
    const { runs } = this.get(engine);
    if (!this.#ownRuns.delete(name)) return;
    if (runs.get(name) === this.#run) runs.delete(name);
    else this.#kept.ownerOf(engine)?.closeRun(engine, name);
  }

  close(name: string): void {
    this.get(name);
    this.#closeRuns(name);
    this.#open.delete(name);
    this.#kept.close(name);
  }

  /** The guest is gone: its runs are over, and what it has counted stays. */
  leave(): void {
    for (const name of [...this.#open.keys()]) this.#closeRuns(name);
    this.#open.clear();
  }

  #closeRuns(engine: string): void {
    for (const [run, owner] of [...this.#ownRuns]) if (owner === engine) this.closeRun(engine, run);
  }
}
