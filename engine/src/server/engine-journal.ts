import { copyFileSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import type { Clock } from "../internal/clock.ts";
import type { EngineUsage } from "../run/engine-usage.ts";
import type { Entry } from "../run/entry.ts";
import type { Journal } from "../run/journal.ts";
import { compacted, replay } from "../run/replay.ts";
import type { Run } from "../run/run.ts";
import { JournalFile, readText } from "./journal-file.ts";
import { decodeLines, entryLine, headerLine } from "./journal-lines.ts";

/** About 150,000 calls. Past it a run's journal is given up: if the engine is lost then, nobody remembers the run. */
const MAX_RUN_BYTES = 64_000_000;
/** The engine's own is compacted when it has grown by this much. */
const COMPACT_BYTES = 4_000_000;
/** The directory to which journals of runs that are over are copied, if it is set. */
const KEPT_IN = "ENDSTOP_JOURNALS";

/** What was read back of one engine. */
export interface ReadBack {
  readonly entries: readonly Entry[];
  /** Whether its own journal could be read: the calls outside any run, and what runs used that are over. */
  readonly isWhole: boolean;
}

interface RunFile {
  readonly run: string;
  readonly file: JournalFile;
  readonly openCalls: Set<string>;
  closing: boolean;
}

/**
 * The journal of one engine: a file for each run that is open, and one of its own for calls outside any run and for what
 * runs used that are over. Written before what it says takes effect; it survives the death of the process, not of the machine.
 */
export class EngineJournal implements Journal {
  readonly #clock: Clock;
  readonly #directory: string;
  readonly #engine: string;
  readonly #runs = new Map<string, RunFile>();
  readonly #fileOfCall = new Map<string, RunFile>();
  /** Runs whose journal was given up. */
  readonly #givenUp = new Set<string>();
  #own: JournalFile | undefined;
  #compactAtBytes = COMPACT_BYTES;

  private constructor(directory: string, engine: string, clock: Clock, own: JournalFile) {
    this.#directory = directory;
    this.#engine = engine;
    this.#clock = clock;
    this.#own = own;
  }

  /**
   * Starts anew, also where an engine of that name was lost before it answered anything.
   *
   * @throws Error of the file system
   */
  static create(directory: string, engine: string, clock: Clock): EngineJournal {
    for (const path of filesOf(directory, engine)) rmSync(path, { force: true });
    const own = JournalFile.create(pathOf(directory, engine), headerLine(clock));
    return new EngineJournal(directory, engine, clock, own);
  }

  /** Reads back what an engine of that name wrote, and goes on writing there. Throws as {@link create} does. */
  static resume(directory: string, engine: string, clock: Clock): [EngineJournal, ReadBack] {
    const path = pathOf(directory, engine);
    const text = readText(path);
    const own = text === undefined ? undefined : decodeLines(text, clock);
    if (!own) rmSync(path, { force: true });
    const header = headerLine(clock);
    const file = own && text !== undefined ? JournalFile.resume(path, text, header) : JournalFile.create(path, header);
    const journal = new EngineJournal(directory, engine, clock, file);
    const entries = [...(own ?? []), ...journal.#resumeRuns()].sort((a, b) => a.atMs - b.atMs);
    return [journal, { entries, isWhole: own !== undefined }];
  }

  /** @throws Error of the file system, for an admission: what cannot be written down is not admitted */
  append(entry: Entry): void {
    const runFile = this.#fileOf(entry);
    const line = entryLine(entry);
    try {
      (runFile?.file ?? this.#own)?.write(line);
    } catch (error) {
      if (entry.type === "admitted") throw error;
      return this.#giveUp(runFile);
    }
    if (!runFile) return;
    if (entry.type === "admitted") {
      runFile.openCalls.add(entry.call);
      this.#fileOfCall.set(entry.call, runFile);
    } else if (entry.type === "ended") {
      runFile.openCalls.delete(entry.call);
      this.#fileOfCall.delete(entry.call);
      if (runFile.closing && runFile.openCalls.size === 0) this.#discard(runFile);
    }
    if (runFile.file.bytes > MAX_RUN_BYTES) this.#giveUp(runFile);
  }

  /** A run is over: what it used is added to the engine's own journal, and its file goes once its last call has ended. */
  closeRun(run: Run, usage: EngineUsage): void {
    const tools = usage.usedBy(run.usage.bodiesByTool);
    this.append({ type: "run-closed", atMs: this.#clock.now(), run: run.id, tools });
    const runFile = this.#runs.get(run.id);
    this.#runs.delete(run.id);
    this.#givenUp.delete(run.id);
    if (runFile) {
      runFile.closing = true;
      if (runFile.openCalls.size === 0) this.#discard(runFile);
    }
    if (this.#own && this.#own.bytes > this.#compactAtBytes) this.#compact(this.#own, usage);
  }

  /** Removes every file of this engine. */
  close(): void {
    for (const { file } of new Set([...this.#runs.values(), ...this.#fileOfCall.values()])) file.remove();
    this.#runs.clear();
    this.#fileOfCall.clear();
    this.#own?.remove();
    this.#own = undefined;
  }

  /** Undefined is the engine's own. */
  #fileOf(entry: Entry): RunFile | undefined {
    if (entry.type === "ended" || entry.type === "retried") return this.#fileOfCall.get(entry.call);
    if (entry.type === "run-closed" || entry.run === undefined || this.#givenUp.has(entry.run)) return undefined;
    let runFile = this.#runs.get(entry.run);
    // The call of a body of another engine counts in that one's run, which is not ours to remember.
    if (!runFile && entry.type === "run-opened") {
      const path = pathOf(this.#directory, this.#engine, entry.run);
      const file = JournalFile.create(path, headerLine(this.#clock));
      runFile = { run: entry.run, file, openCalls: new Set(), closing: false };
      this.#runs.set(entry.run, runFile);
    }
    return runFile;
  }

  /** Without its file, whoever resumes knows that he does not know. */
  #giveUp(runFile: RunFile | undefined): void {
    if (!runFile) {
      this.#own?.remove();
      this.#own = undefined;
      return;
    }
    this.#givenUp.add(runFile.run);
    this.#runs.delete(runFile.run);
    for (const call of runFile.openCalls) this.#fileOfCall.delete(call);
    runFile.file.remove();
  }

  *#resumeRuns(): Iterable<Entry> {
    for (const path of filesOf(this.#directory, this.#engine)) {
      if (path === pathOf(this.#directory, this.#engine)) continue;
      const text = readText(path);
      const entries = text === undefined ? undefined : decodeLines(text, this.#clock);
      const run = entries?.find((entry) => entry.type === "run-opened")?.run;
      if (!entries || text === undefined || run === undefined) {
        rmSync(path, { force: true });
        continue;
      }
      const openCalls = new Set(replay(entries).open.keys());
      const file = JournalFile.resume(path, text, headerLine(this.#clock));
      const runFile = { run, file, openCalls, closing: false };
      this.#runs.set(run, runFile);
      for (const call of openCalls) this.#fileOfCall.set(call, runFile);
      yield* entries;
    }
  }

  #discard({ file }: RunFile): void {
    const keptIn = process.env[KEPT_IN];
    if (keptIn) {
      mkdirSync(keptIn, { recursive: true, mode: 0o700 });
      copyFileSync(file.path, join(keptIn, basename(file.path)));
    }
    file.remove();
  }

  #compact(own: JournalFile, usage: EngineUsage): void {
    const entries = decodeLines(readText(own.path) ?? "", this.#clock);
    if (!entries) return this.#giveUp(undefined);
    const lines = compacted(entries, usage, this.#clock.now()).map(entryLine).join("");
    own.replace(headerLine(this.#clock), lines);
    this.#compactAtBytes = own.bytes + COMPACT_BYTES;
  }
}

/** The engine's own file and those of its runs, as far as they are there. */
function filesOf(directory: string, engine: string): string[] {
  const own = pathOf(directory, engine);
  const prefix = basename(own, "journal");
  return readdirSync(directory)
    .filter((name) => name.startsWith(prefix))
    .map((name) => join(directory, name));
}

function pathOf(directory: string, engine: string, run?: string): string {
  const names = run === undefined ? [engine] : [engine, run];
  return join(directory, `${names.map(encodeURIComponent).join(".")}.journal`);
}
