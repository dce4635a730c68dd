import { appendFileSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { PLACE_PREFIX } from "../execution/python/dial-in.ts";
import { mayHaveBegun, parseNote, type StartedNote } from "../execution/python/started-note.ts";
import { killGroup, signalProcess } from "../processes/kill-group.ts";
import { isStopped, readProcess } from "../processes/process-tree.ts";
import type { GivenEntry } from "../state/entry.ts";
import { readText } from "./journal-file.ts";

/** Their template kills them as soon as it sees that the engine is gone; this is for a machine that is slow. */
const PATIENCE_MS = 2_000;
const STEP_MS = 5;

/** In the directory of the journals: what was found out about workers of lost engines, a line each. */
const FACTS = "lost-workers.notes";

/** What a worker of a lost engine had begun last, read when it was certain that it begins nothing any more. */
interface Fact {
  /** The path of its note. */
  readonly note: string;
  readonly callId: string;
  readonly attempt: number;
}

/**
 * Whether the body of a call may have begun in a worker of a lost engine; `given` is what the journal says of where it was sent. Certain
 * is only what the journal and the worker's note say: a note that is gone says nothing.
 */
export type MayHaveBegun = (callId: string, given: GivenEntry | undefined) => boolean;

/**
 * Finds out what the workers of lost engines had begun: each notes the call before its body. Waits until none of them lives, and kills
 * those that do, so that nothing begins after this look. What was found is written down before the directories are removed: any number
 * of further engines may be lost before the calls are asked for.
 *
 * @param journals where it is written; undefined where no engine after this one could ask
 */
export function lostWorkers(directories: readonly string[], journals: string | undefined): MayHaveBegun {
  const file = journals === undefined ? undefined : join(journals, FACTS);
  const facts = new Map<string, Fact>();
  for (const fact of file === undefined ? [] : readFacts(file)) facts.set(fact.note, fact);
  for (const directory of new Set([...directories, ...placesIn(journals)])) {
    const found = factsIn(directory);
    for (const fact of found) facts.set(fact.note, fact);
    if (file !== undefined && found.length > 0) writeFacts(file, found);
    rmSync(directory, { recursive: true, force: true });
  }
  const begunIn = new Set([...facts.values()].map(({ callId }) => callId));
  return (callId, given) => {
    if (!given) return begunIn.has(callId);
    const fact = facts.get(given.note);
    // A body can write into the note of its worker: what it was not given is no word of the worker.
    const isItsOwn = fact && ["", given.before, callId].includes(fact.callId);
    return mayHaveBegun(isItsOwn ? fact : undefined, { callId, attempt: given.attempt });
  };
}

/** Those of engines that were killed before the host heard where their workers dial. */
function placesIn(journals: string | undefined): string[] {
  if (journals === undefined) return [];
  return namesIn(journals).flatMap((name) => (name.startsWith(PLACE_PREFIX) ? join(journals, name) : []));
}

function factsIn(directory: string): Fact[] {
  const found: Fact[] = [];
  for (const name of namesIn(directory)) {
    if (!name.endsWith(".started")) continue;
    const path = join(directory, name);
    const pid = noteIn(path)?.pid;
    if (pid === undefined) continue;
    wakeTemplateOf(pid);
    if (!isGone(pid, path)) continue;
    const note = noteIn(path); // only now: it may have begun one meanwhile
    if (note) found.push({ note: path, callId: note.callId, attempt: note.attempt });
  }
  return found;
}

function noteIn(path: string): StartedNote | undefined {
  return parseNote(readText(path) ?? "");
}

/** A last line without its line break was being written when the engine died. */
function readFacts(file: string): Fact[] {
  const lines = (readText(file) ?? "").split("\n").slice(0, -1);
  return lines.flatMap((line) => {
    try {
      return JSON.parse(line) as Fact;
    } catch {
      return []; // somebody else wrote into it: nothing is known of that worker
    }
  });
}

/** Where it cannot be written, this engine knows it all the same, and those that follow take the calls for begun. */
function writeFacts(file: string, facts: readonly Fact[]): void {
  try {
    // The line break first: what an engine wrote in part must not take these along.
    appendFileSync(file, `\n${facts.map((fact) => `${JSON.stringify(fact)}\n`).join("")}`, { mode: 0o600 });
  } catch (error) {
    process.stderr.write(`endstop: what lost workers had begun could not be written down: ${String(error)}\n`);
  }
}

/** One that was stopped has not heard yet that its engine is gone. It goes on, hears it, and takes its workers with it. */
function wakeTemplateOf(workerPid: number): void {
  const template = readProcess(workerPid)?.parentPid;
  if (template === undefined || !isStopped(template) || !isTemplate(template)) return;
  signalProcess(template, "SIGCONT");
}

/** The worker's number can be another's by now, and so its parent anything. */
function isTemplate(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1").includes("endstop.worker.template");
  } catch {
    return false; // gone
  }
}

function isGone(pid: number, notePath: string): boolean {
  for (let waitedMs = 0; waitedMs <= PATIENCE_MS; waitedMs += STEP_MS) {
    if (!isAlive(pid, notePath)) return true;
    killGroup(pid);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, STEP_MS);
  }
  return false;
}

/** Whether that process is still the worker: it has the note mapped. Another may have got its number meanwhile. */
function isAlive(pid: number, notePath: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/maps`, "latin1").includes(notePath);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ESRCH") return process.platform !== "linux" && canBeSignalled(pid);
    return true;
  }
}

function canBeSignalled(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false; // no such process, or one of another user: not our worker
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // the engine had ended in good order, or its host removed it
  }
}
