import { randomBytes } from "node:crypto";
import type { Relief } from "../load/relief.ts";
import { EngineCore, type SettledListener } from "../pipeline/core.ts";
import type { EngineOptions } from "../policy/policy.ts";
import type { Call } from "../state/call.ts";
import type { Journal } from "../state/journal.ts";
import { noJournal } from "../state/journal.ts";
import { type OpenCall, replay } from "../state/replay.ts";
import { Run } from "../state/run.ts";
import { EngineObserver } from "../telemetry/engine-observer.ts";
import { EventStream } from "../telemetry/event-stream.ts";
import type { Clock } from "../util/clock.ts";
import { EngineJournal } from "./engine-journal.ts";
import { pickleCodec } from "./pickled.ts";

/** One engine of a client: its policies, its runs and what is written down of them. */
export interface OpenEngine {
  readonly core: EngineCore;
  readonly runs: Map<string, Run>;
  readonly observer: EngineObserver;
  readonly journal: EngineJournal | undefined;
}

/** Told of each call that a lost engine had admitted: gives the listener for its outcome. */
export type ResumeCall = (open: OpenCall) => {
  readonly settled: SettledListener;
  readonly taken: (call: Call) => void;
};

/** The engines that a client has opened, by name. One that was opened before on an engine process that is lost is read back. */
export class Engines {
  readonly #clock: Clock;
  readonly #directory: string | undefined;
  readonly #nonce = randomBytes(3).toString("hex");
  readonly #open = new Map<string, OpenEngine>();
  /** Set once there is one. */
  relief: Relief | undefined;
  /** Of all these engines. */
  readonly events: EventStream;

  /** @param directory where the journals are; none where nobody could resume them */
  constructor(clock: Clock, directory: string | undefined, events = new EventStream()) {
    this.#clock = clock;
    this.events = events;
    this.#directory = directory;
  }

  get cores(): EngineCore[] {
    return [...this.#open.values()].map(({ core }) => core);
  }

  has(name: string): boolean {
    return this.#open.has(name);
  }

  /** @throws TypeError if there is no such engine */
  get(name: string): OpenEngine {
    const engine = this.#open.get(name);
    if (!engine) throw new TypeError(`no engine named ${name} is open`);
    return engine;
  }

  /** @throws TypeError or RangeError for options that make no sense, or a name that is taken */
  open(name: string, options: EngineOptions): void {
    this.#requireFree(name);
    const journal =
      this.#directory === undefined ? undefined : EngineJournal.create(this.#directory, name, this.#clock);
    this.#add(name, this.#core(name, options, journal ?? noJournal), new Map(), journal);
  }

  /**
   * Opens an engine with what its journal tells.
   *
   * @param mustBeThere whether the engine that was lost had answered a call: without a journal, what it did is not known
   * @param lastId the highest number of a call that it is known to have admitted
   */
  resume(name: string, options: EngineOptions, mustBeThere: boolean, lastId: number, resumeCall: ResumeCall): void {
    this.#requireFree(name);
    if (this.#directory === undefined) {
      const core = this.#core(name, options, noJournal);
      core.forgottenAtMs = mustBeThere ? this.#clock.now() : null;
      return this.#add(name, core, new Map(), undefined);
    }
    const [journal, { entries, forgottenAtMs }] = EngineJournal.resume(
      this.#directory,
      name,
      this.#clock,
      mustBeThere,
      lastId,
    );
    const remembered = replay(entries);
    const core = new EngineCore(options, this.#clock, this.#idPrefix(name), journal, remembered, pickleCodec);
    core.forgottenAtMs = forgottenAtMs;
    this.#add(name, core, new Map(remembered.runs), journal);
    const calls = new Map<string, Call>();
    for (const open of remembered.open.values()) {
      const { entry } = open;
      const { settled, taken } = resumeCall(open);
      const parent = entry.parent === undefined ? undefined : calls.get(entry.parent);
      const run = entry.run === undefined ? undefined : remembered.runs.get(entry.run);
      const call = core.resume(open, parent, run, settled);
      calls.set(call.id, call);
      taken(call);
    }
  }

  /** @param resumes whether a lost engine may have admitted calls of this run */
  openRun(engine: string, name: string, resumes: boolean): void {
    const { runs, observer, journal } = this.get(engine);
    if (runs.has(name)) return;
    const run = new Run(name, this.#clock.now());
    run.isRemembered = !resumes;
    journal?.append({ type: "run-opened", atMs: run.openedAtMs, run: name, forgotten: resumes || undefined });
    runs.set(name, run);
    observer.runOpened(name);
  }

  closeRun(engine: string, name: string): void {
    const { runs, observer, journal, core } = this.get(engine);
    const run = runs.get(name);
    if (!run) return;
    runs.delete(name);
    journal?.closeRun(run, core.usage);
    observer.runClosed(name);
  }

  close(name: string): void {
    this.get(name).journal?.close();
    this.#open.delete(name);
  }

  #core(name: string, options: EngineOptions, journal: Journal): EngineCore {
    return new EngineCore(options, this.#clock, this.#idPrefix(name), journal, undefined, pickleCodec);
  }

  /** Ids of a lost engine's calls live on in this one's: they must not be given again. */
  #idPrefix(name: string): string {
    return `${this.#nonce}-${name}`;
  }

  #requireFree(name: string): void {
    if (this.#open.has(name)) throw new TypeError(`an engine named ${name} is open already`);
  }

  #add(name: string, core: EngineCore, runs: Map<string, Run>, journal: EngineJournal | undefined): void {
    const observer = new EngineObserver(
      this.events,
      this.#clock,
      () => core.waiting,
      () => this.relief?.watch(),
    );
    core.observer = observer;
    core.rejectsForMs = () => this.relief?.rejectsForMs;
    this.#open.set(name, { core, runs, observer, journal });
  }
}
