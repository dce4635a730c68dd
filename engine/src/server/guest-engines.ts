import type { Relief } from "../load/relief.ts";
import type { EngineCore } from "../pipeline/core.ts";
import { compileOptions } from "../policy/compile-options.ts";
import type { EngineOptions, Policy, PolicyOptions } from "../policy/policy.ts";
import type { Run } from "../state/run.ts";
import type { Engines, OpenEngine } from "./engines.ts";

/** Engines of guests that are kept: past them, the one opened first is forgotten with its counts. */
const MAX_KEPT = 1_000;
/** Engines that one guest may open: else one could have those of all others forgotten. */
const MAX_OPENED = 100;
/** Runs that one guest may have open. */
const MAX_RUNS = 1_000;

/** What the guests of one host have opened: kept when a guest leaves, since the next body's worker opens it again. */
export class KeptEngines {
  readonly host: Engines;
  readonly #kept: Engines;
  readonly #names = new Set<string>();

  constructor(host: Engines, kept: Engines) {
    this.host = host;
    this.#kept = kept;
  }

  /** @returns the engine, and whether it was made now */
  open(name: string, options: EngineOptions): [OpenEngine, boolean] {
    if (this.host.has(name)) return [this.host.get(name), false];
    const isNew = !this.#kept.has(name);
    if (isNew) {
      this.#kept.open(name, options);
      this.#names.add(name);
      const [oldest] = this.#names;
      if (this.#names.size > MAX_KEPT && oldest !== undefined) this.close(oldest);
    }
    return [this.#kept.get(name), isNew];
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

interface OpenedByGuest {
  readonly engine: OpenEngine;
  /** It made the engine: what it says of its tools holds for all. */
  readonly isOwn: boolean;
  /** By tool: what it narrows for its own calls. */
  readonly narrowings: Map<string, Partial<Policy>>;
  /** Those that it may name, each with why it takes no more calls of this guest. */
  readonly runs: Map<string, GuestRun>;
}

interface GuestRun {
  readonly run: Run;
  /** It opened the run; else it is that of its call. */
  readonly isOwn: boolean;
  endedBecause: string | undefined;
}

/**
 * The engines that one guest has opened. The same name is the same engine, of the host or of another guest: a forked process has the
 * executor of its parent, so its counts go on. What is not the guest's own it can only narrow, and only for its own calls.
 */
export class GuestEngines {
  readonly #kept: KeptEngines;
  readonly #run: Run | undefined;
  readonly #open = new Map<string, OpenedByGuest>();

  /** @param run that of the call whose body the guest belongs to */
  constructor(kept: KeptEngines, run: Run | undefined) {
    this.#kept = kept;
    this.#run = run;
  }

  /** @throws TypeError if this guest has not opened it */
  get(name: string): OpenEngine {
    return this.#opened(name).engine;
  }

  open(name: string, options: EngineOptions): void {
    if (this.#open.has(name)) throw new TypeError(`an engine named ${name} is open already`);
    if (this.#open.size >= MAX_OPENED)
      throw new RangeError(`a process that belongs to a call may open ${MAX_OPENED} engines, and has`);
    const [engine, isOwn] = this.#kept.open(name, options);
    this.#open.set(name, { engine, isOwn, narrowings: new Map(), runs: new Map() });
  }

  /** Throws as {@link EngineCore.setPolicy} does. */
  register(name: string, tool: string, options: PolicyOptions): void {
    const { engine, isOwn, narrowings } = this.#opened(name);
    if (isOwn || !engine.core.hasTool(tool)) engine.core.setPolicy(tool, options);
    else narrowings.set(tool, compileOptions(options, "tool", `tool ${tool}`));
  }

  /** What narrows a call of the guest, beside the tool's own limits; undefined where all of them are the guest's to choose. */
  narrowing(name: string, tool: string, timeoutMs: number | null | undefined): Partial<Policy> | undefined {
    const { isOwn, narrowings } = this.#opened(name);
    if (isOwn) return undefined;
    const told = narrowings.get(tool);
    // Its results are not for calls of the host.
    const own = this.#kept.host.has(name) ? { ...told, cache: false } : { ...told };
    const bounds = [timeoutMs, told?.timeoutMs].filter((bound) => typeof bound === "number");
    return bounds.length === 0 ? own : { ...own, timeoutMs: Math.min(...bounds) };
  }

  /** A run that the guest may name; undefined where it may not, or there is none. */
  runOf(name: string, run: string): GuestRun | undefined {
    return this.#opened(name).runs.get(run);
  }

  /** @param joins whether it is the run of the guest's call, if that has one */
  openRun(name: string, run: string, joins: boolean): void {
    const { engine, runs } = this.#opened(name);
    if (runs.has(run)) return;
    if (runs.size >= MAX_RUNS)
      throw new RangeError(`a process that belongs to a call may open ${MAX_RUNS} runs, and has`);
    const there = engine.runs.get(run);
    const joined = joins || there === this.#run ? this.#run : undefined;
    if (joined) {
      runs.set(run, { run: joined, isOwn: false, endedBecause: undefined });
      return;
    }
    if (there) return; // somebody else's: a forked process knows those of its parent by name
    this.#kept.ownerOf(name)?.openRun(name, run, false);
    const opened = engine.runs.get(run);
    if (opened) runs.set(run, { run: opened, isOwn: true, endedBecause: undefined });
  }

  /** Of a run that is not its own, it is the guest's calls that are rejected from now on. */
  endRun(name: string, run: string, reason: string): void {
    const { engine, runs } = this.#opened(name);
    const known = runs.get(run);
    if (!known) throw new TypeError(`no run ${run} is open`);
    if (known.isOwn) engine.core.endRun(known.run, reason);
    else known.endedBecause ??= reason;
  }

  closeRun(name: string, run: string): void {
    const { runs } = this.#opened(name);
    const known = runs.get(run);
    runs.delete(run);
    if (known?.isOwn) this.#kept.ownerOf(name)?.closeRun(name, run);
  }

  close(name: string): void {
    const { isOwn } = this.#opened(name);
    this.#closeRuns(name);
    this.#open.delete(name);
    if (isOwn) this.#kept.close(name);
  }

  /** The guest is gone: its runs are over, and what it has counted stays. */
  leave(): void {
    for (const name of [...this.#open.keys()]) this.#closeRuns(name);
    this.#open.clear();
  }

  #opened(name: string): OpenedByGuest {
    const opened = this.#open.get(name);
    if (!opened) throw new TypeError(`no engine named ${name} is open`);
    return opened;
  }

  #closeRuns(name: string): void {
    for (const run of [...this.#opened(name).runs.keys()]) this.closeRun(name, run);
  }
}
