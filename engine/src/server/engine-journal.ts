import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { errorInfo } from "../call/error-info.ts";
import type { EngineUsage } from "../state/engine-usage.ts";
import type { Entry, RunClosedEntry, RunOpenedEntry } from "../state/entry.ts";
import { type Journal, NotRecordedError } from "../state/journal.ts";
import { compacted, replay, runsOpenIn } from "../state/replay.ts";
import type { Run } from "../state/run.ts";
import type { Clock } from "../util/clock.ts";
import { JournalFile, readText } from "./journal-file.ts";
import { decodeLines, entryLine, headerLine } from "./journal-lines.ts";
import { keptText } from "./kept-text.ts";

const ENDING = ".journal";
/** About 150,000 calls. Past it a run's journal is given up: if the engine is lost then, nobody remembers the run. */
const MAX_RUN_BYTES = 64_000_000;
/** The engine's own is compacted when it has grown by this much. */
const COMPACT_BYTES = 4_000_000;
/** The directory to which journals of runs that are over are copied, if it is set. */
const KEPT_IN = "ENDSTOP_JOURNALS";

/** What was read back of one engine. */
export interface ReadBack {
  readonly entries: readonly Entry[];
  /** When something of what it wrote could not be read: calls outside any run, what runs used that are over, a run that is open. Else null. */
  readonly forgottenAtMs: number | null;
}

interface RunFile {
  readonly run: string;
  readonly file: JournalFile;
  readonly openCalls: Set<string>;
  /** Says what the run used, from the moment that it is over. */
  over: (() => RunClosedEntry) | undefined;
}

/**
 * The journal of one engine: a file for each run that is open, and one of its own for calls outside any run, for what runs used that
 * are over, and for which runs have a file, so that a file that is gone is missed. Written before what it says takes effect; it survives
 * the death of the process, not of the machine.
 */
export class EngineJournal implements Journal {
  readonly #clock: Clock;
  readonly #directory: string;
  readonly #engine: string;
  readonly #runs = new Map<string, RunFile>();
  readonly #fileOfCall = new Map<string, RunFile>();
  /** Runs whose journal was given up. */
  readonly #givenUp = new Set<string>();
  /** Undefined once it was given up. */
  #own: JournalFile | undefined;
  /** It could not be made yet: nothing is admitted before it can. */
  #isOwed = false;
  #compactAtBytes = COMPACT_BYTES;
  /** The highest number of a client's call that was admitted. */
  #lastId = 0;

  private constructor(directory: string, engine: string, clock: Clock) {
    this.#directory = directory;
    this.#engine = engine;
    this.#clock = clock;
  }

  /** Starts anew, and forgets what an engine of that name had written. Where there is no place now, admissions try again. */
  static create(directory: string, engine: string, clock: Clock): EngineJournal {
    const journal = new EngineJournal(directory, engine, clock);
    for (const path of filesOf(directory, engine)) rmSync(path, { force: true });
    journal.#isOwed = true;
    try {
      journal.#makeOwn();
    } catch {
      // An admission says why, if it is still so then.
    }
    return journal;
  }

  /**
   * Reads back what an engine of that name wrote, and goes on writing there.
   *
   * @param mustBeThere whether that engine had answered something; if not, a journal that is not there was never made
   * @param lastId the highest number of a call that the client knows to be admitted: a journal without it was cut
   */
  static resume(
    directory: string,
    engine: string,
    clock: Clock,
    mustBeThere = true,
    lastId = 0,
  ): [EngineJournal, ReadBack] {
    const path = pathOf(directory, engine);
    if (!mustBeThere && !existsSync(path)) {
      return [EngineJournal.create(directory, engine, clock), { entries: [], forgottenAtMs: null }];
    }
    const journal = new EngineJournal(directory, engine, clock);
    const text = readText(path);
    const own = text === undefined ? undefined : decodeLines(text, clock);
    const files = own ? runsOpenIn(own).map(({ run }) => run) : [];
    const inRuns = journal.#resumeRuns(new Set(files), closedIn(own ?? []));
    for (const entry of [...(own ?? []), ...inRuns]) journal.#sawId(entry);
    const isAllThere = own !== undefined && files.every((run) => journal.#runs.has(run)) && journal.#lastId >= lastId;
    const nowMs = clock.now();
    const forgottenAtMs = isAllThere ? (own.findLast(({ type }) => type === "forgotten")?.atMs ?? null) : nowMs;
    // Whoever comes after this engine must know as well that something is missing.
    const forgotten = isAllThere ? "" : entryLine({ type: "forgotten", atMs: nowMs });
    try {
      if (own && text !== undefined) journal.#own = JournalFile.resume(path, text, headerLine(clock) + forgotten);
      else journal.#makeOwn(forgotten);
      for (const run of journal.#runs.keys()) if (!files.includes(run)) journal.#noteRun(run);
    } catch {
      journal.#giveUp(undefined); // a journal that is not there is missed
    }
    const entries = [...(own ?? []).filter(({ type }) => type !== "run-opened"), ...inRuns];
    return [journal, { entries: entries.sort((a, b) => a.atMs - b.atMs), forgottenAtMs }];
  }

  /** @throws NotRecordedError for an admission: what cannot be written down is not admitted */
  append(entry: Entry): void {
    if (entry.type === "run-opened") return this.#openRun(entry);
    this.#sawId(entry);
    const runFile = this.#fileOf(entry);
    try {
      if (this.#isOwed) this.#makeOwn();
      (runFile?.file ?? this.#own)?.write(entryLine(entry));
    } catch (error) {
      if (entry.type === "admitted") throw new NotRecordedError(errorInfo(error).message, { cause: error });
      if (runFile || !this.#isOwed) this.#giveUp(runFile);
      return;
    }
    if (!runFile) return;
    if (entry.type === "admitted") {
      runFile.openCalls.add(entry.call);
      this.#fileOfCall.set(entry.call, runFile);
    } else if (entry.type === "ended") {
      runFile.openCalls.delete(entry.call);
      this.#fileOfCall.delete(entry.call);
      // Once it has taken effect, so that it is in what the run used.
      if (runFile.over && runFile.openCalls.size === 0) queueMicrotask(() => this.#conclude(runFile));
    }
    if (runFile.file.bytes > MAX_RUN_BYTES) this.#giveUp(runFile);
  }

  /** A run is over: once its last call has ended, what it used is added to the engine's own journal, and its file goes. */
  closeRun(run: Run, usage: EngineUsage): void {
    const over = (): RunClosedEntry => {
      const tools = usage.usedBy(run.usage.bodiesByTool);
      return { type: "run-closed", atMs: this.#clock.now(), run: run.id, lastId: this.#lastId, tools };
    };
    const runFile = this.#runs.get(run.id);
    this.#runs.delete(run.id);
    this.#givenUp.delete(run.id);
    if (!runFile) this.append(over());
    else {
      runFile.over = over;
      if (runFile.openCalls.size === 0) this.#conclude(runFile);
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
    this.#isOwed = false;
  }

  /** First its file, then the word that it has one: a file that is not there would be missed. */
  #openRun(entry: RunOpenedEntry): void {
    const path = pathOf(this.#directory, this.#engine, entry.run);
    try {
      const file = createFile(path, headerLine(this.#clock) + entryLine(entry));
      this.#runs.set(entry.run, { run: entry.run, file, openCalls: new Set(), over: undefined });
    } catch {
      this.#givenUp.add(entry.run); // its calls are in the engine's own; whoever resumes does not know the run
    }
    this.#noteRun(entry.run);
  }

  #sawId(entry: Entry): void {
    const id = entry.type === "admitted" ? entry.id : entry.type === "run-closed" ? entry.lastId : undefined;
    if (id !== undefined && id > this.#lastId) this.#lastId = id;
  }

  #noteRun(run: string): void {
    try {
      if (this.#isOwed) this.#makeOwn();
      this.#own?.write(entryLine({ type: "run-opened", atMs: this.#clock.now(), run }));
    } catch {
      if (!this.#isOwed) this.#giveUp(undefined);
    }
  }

  /** @throws Error of the file system */
  #makeOwn(lines = ""): void {
    const path = pathOf(this.#directory, this.#engine);
    rmSync(path, { force: true });
    this.#own = createFile(path, headerLine(this.#clock) + lines);
    this.#isOwed = false;
  }

  /** Undefined is the engine's own. */
  #fileOf(entry: Entry): RunFile | undefined {
    if (entry.type === "ended" || entry.type === "retried" || entry.type === "given") {
      return this.#fileOfCall.get(entry.call);
    }
    if (entry.type === "run-closed" || entry.type === "forgotten" || entry.run === undefined) return undefined;
    // The call of a body of another engine counts in that one's run, which is not ours to remember.
    return this.#runs.get(entry.run);
  }

  /** Without its file, whoever resumes knows that he does not know. */
  #giveUp(runFile: RunFile | undefined): void {
    if (!runFile) {
      this.#own?.remove();
      this.#own = undefined;
      this.#isOwed = false;
      return;
    }
    this.#givenUp.add(runFile.run);
    this.#runs.delete(runFile.run);
    for (const call of runFile.openCalls) this.#fileOfCall.delete(call);
    runFile.file.remove();
  }

  /** @param known those that must have a file; @param closed what they used is in the engine's own journal */
  #resumeRuns(known: ReadonlySet<string>, closed: ReadonlySet<string>): Entry[] {
    const found: Entry[] = [];
    for (const path of filesOf(this.#directory, this.#engine)) {
      if (path === pathOf(this.#directory, this.#engine)) continue;
      const text = path.endsWith(ENDING) ? readText(path) : undefined;
      const entries = text === undefined ? undefined : decodeLines(text, this.#clock);
      const run = entries?.find((entry) => entry.type === "run-opened")?.run;
      if (!entries || text === undefined || run === undefined || (closed.has(run) && !known.has(run))) {
        rmSync(path, { force: true });
        continue;
      }
      const openCalls = new Set(replay(entries).open.keys());
      try {
        const file = JournalFile.resume(path, text, headerLine(this.#clock));
        const runFile = { run, file, openCalls, over: undefined };
        this.#runs.set(run, runFile);
        for (const call of openCalls) this.#fileOfCall.set(call, runFile);
      } catch {
        rmSync(path, { force: true }); // it cannot be written to any more
      }
      found.push(...entries);
    }
    return found;
  }

  /** The word of what it used first: until then its file says it. */
  #conclude(runFile: RunFile): void {
    if (!runFile.over) return;
    this.append(runFile.over());
    const keptIn = process.env[KEPT_IN];
    if (keptIn) keep(runFile.file.path, keptIn);
    runFile.file.remove();
  }

  #compact(own: JournalFile, usage: EngineUsage): void {
    const entries = decodeLines(readText(own.path) ?? "", this.#clock);
    if (!entries) return this.#giveUp(undefined);
    const lines = compacted(entries, usage, this.#clock.now())
      .map((entry) => entryLine(entry.type === "run-closed" ? { ...entry, lastId: this.#lastId } : entry))
      .join("");
    try {
      own.replace(headerLine(this.#clock), lines);
    } catch {
      // Its lines are all there: the next one may have more room.
    }
    this.#compactAtBytes = own.bytes + COMPACT_BYTES;
  }
}

/** Makes the directory again if somebody has tidied it away. */
function createFile(path: string, text: string): JournalFile {
  try {
    return JournalFile.create(path, text);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    mkdirSync(dirname(path), { mode: 0o700 });
    return JournalFile.create(path, text);
  }
}

/** What a user wants to keep is no reason to end anything. */
function keep(path: string, directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    writeFileSync(join(directory, basename(path)), keptText(readText(path) ?? ""), { mode: 0o600 });
  } catch (error) {
    process.stderr.write(`endstop: a journal could not be kept in ${directory}: ${String(error)}\n`);
  }
}

function closedIn(entries: readonly Entry[]): Set<string> {
  return new Set(entries.flatMap((entry) => (entry.type === "run-closed" ? entry.run : [])));
}

/** The engine's own file and those of its runs, as far as they are there. */
function filesOf(directory: string, engine: string): string[] {
  const own = pathOf(directory, engine);
  const prefix = basename(own, "journal");
  return namesIn(directory)
    .filter((name) => name.startsWith(prefix))
    .map((name) => join(directory, name));
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // it is gone, or is not ours to read: what is not found is missed
  }
}

function pathOf(directory: string, engine: string, run?: string): string {
  const names = run === undefined ? [engine] : [engine, run];
  return join(directory, `${names.map(encodeURIComponent).join(".")}${ENDING}`);
}
