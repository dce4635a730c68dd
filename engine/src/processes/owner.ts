import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { signalProcess } from "./kill-group.ts";
import { isMarked, type MarkRange } from "./limit-mark.ts";

/** Names the engines and the processes of theirs that a process descends from, outermost first, each followed by `;`. */
export const OWNER_VARIABLE = "ENDSTOP_OWNER";

/** A process that forks while we look gets away once; one that does so this often has won. */
const MAX_ROUNDS = 50;

/** A token that no other engine of this machine has. */
export function newOwner(): string {
  return randomBytes(9).toString("hex");
}

/** The environment of an owned process. Owners add up: an engine inside a worker of another is owned by both. */
export function ownedEnvironment(environment: NodeJS.ProcessEnv, ...owners: readonly string[]): NodeJS.ProcessEnv {
  const mark = owners.map((owner) => `${owner};`).join("");
  return { ...environment, [OWNER_VARIABLE]: `${process.env[OWNER_VARIABLE] ?? ""}${mark}` };
}

/** What tells the processes of an owner. */
export interface OwnerMarks {
  /** In the environment. */
  readonly owner: string;
  /** In the limits, where the system has such marks. */
  readonly limits: MarkRange | undefined;
}

/**
 * Kills every process that was started with these marks, with their sessions, until none is left. This finds what left the process group, and
 * with a mark in its limits also what cleared its environment *and* left the session. Where there is no Linux `/proc`, it finds nothing.
 */
export async function killOwned(marks: OwnerMarks, sessions: ReadonlySet<number> = new Set()): Promise<number> {
  const knownSessions = new Set(sessions);
  const killed = new Set<number>();
  /** They took another user's rights: they are the kernel's to protect. */
  const spared = new Set<number>();
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const found = (await findOwned(marks, knownSessions)).filter(({ pid }) => !spared.has(pid));
    if (found.length === 0) break;
    for (const { pid, sessionId } of found) {
      // A session of its own is its descendants' too, if they cleared their environment.
      if (sessionId === pid) knownSessions.add(sessionId);
      if (mayKill(pid)) killed.add(pid);
      else spared.add(pid);
    }
  }
  return killed.size;
}

/** A process of an owner. */
export interface OwnedFound {
  readonly pid: number;
  readonly parentPid: number;
  readonly sessionId: number;
}

/** The living processes with these marks, or in these sessions, but for this one. */
export async function findOwned(
  { owner, limits }: OwnerMarks,
  sessions: ReadonlySet<number>,
): Promise<readonly OwnedFound[]> {
  const mark = `${owner};`;
  const pids = (await unlessGone(readdir("/proc"), [])).map(Number).filter(Number.isInteger);
  const looks = pids.map(async (pid): Promise<OwnedFound | undefined> => {
    if (pid === process.pid) return undefined;
    const stat = await read(pid, "stat");
    // The name stands in parentheses and may hold anything: fields are counted from the last one.
    const [state, parent, , session] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (stat === "" || state === "Z" || state === "X") return undefined;
    const owned =
      sessions.has(Number(session)) ||
      isOwned(await read(pid, "environ"), mark) ||
      (limits !== undefined && isMarked(await read(pid, "limits"), limits));
    return owned ? { pid, parentPid: Number(parent), sessionId: Number(session) } : undefined;
  });
  return (await Promise.all(looks)).filter((found) => found !== undefined);
}

/** Kills it. @returns false if this process may not */
function mayKill(pid: number): boolean {
  try {
    signalProcess(pid, "SIGKILL");
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") throw error;
    return false;
  }
}

function read(pid: number, file: string): Promise<string> {
  return unlessGone(readFile(`/proc/${pid}/${file}`, "latin1"), "");
}

function isOwned(environment: string, mark: string): boolean {
  const start = `\0${environment}`.indexOf(`\0${OWNER_VARIABLE}=`);
  if (start < 0) return false;
  const end = environment.indexOf("\0", start);
  return environment.slice(start, end < 0 ? undefined : end).includes(mark);
}

/** A process can end between any two reads; another user's cannot be read; other systems have no /proc. */
async function unlessGone<T>(reading: Promise<T>, otherwise: T): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "ESRCH" && code !== "EACCES" && code !== "EPERM") throw error;
    return otherwise;
  }
}
