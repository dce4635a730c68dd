import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { killGroup, signalProcess } from "../supervise/kill-group.ts";
import { isStopped, readProcess } from "../supervise/process-tree.ts";

/** Their template kills them as soon as it sees that the engine is gone; this is for a machine that is slow. */
const PATIENCE_MS = 2_000;
const STEP_MS = 5;

/**
 * What the workers of engines that are lost had begun: each notes the call before its body. Waits until none of them lives, and
 * kills those that do, so that nothing begins after this look. Removes the directories.
 *
 * @returns whether the body of a call was started, or may have been
 */
export function startedInLostWorkers(directories: readonly string[]): (callId: string) => boolean {
  const started = new Set<string>();
  let isCertain = true;
  for (const directory of directories) {
    for (const name of namesIn(directory)) {
      if (!name.endsWith(".started")) continue;
      const path = join(directory, name);
      const pid = Number(noteIn(path)[3]);
      wakeTemplateOf(pid);
      if (!Number.isInteger(pid) || !isGone(pid, path)) isCertain = false;
      const [callId] = noteIn(path); // only now: it may have begun one meanwhile
      if (callId) started.add(callId);
    }
    rmSync(directory, { recursive: true, force: true });
  }
  return (callId) => !isCertain || started.has(callId);
}

/** The words of a worker's note: call id, CPU time, memory, process id. */
function noteIn(path: string): string[] {
  const text = readFileSync(path, "latin1");
  return text.slice(0, text.indexOf("\n")).split(" ");
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
