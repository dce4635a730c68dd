import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { signalProcess } from "./kill-group.ts";

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

/**
 * Kills every process that was started with this owner in its environment, with their sessions, until none is left. This finds what left
 * the process group; it does not find what cleared its environment *and* left the session. Where there is no Linux `/proc`, it finds nothing.
 */
export async function killOwned(owner: string, sessions: ReadonlySet<number> = new Set()): Promise<number> {
  const knownSessions = new Set(sessions);
  const killed = new Set<number>();
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const found = await findOwned(owner, knownSessions);
    if (found.length === 0) break;
    for (const { pid, session } of found) {
      // A session of its own is its descendants' too, if they cleared their environment.
      if (session === pid) knownSessions.add(session);
      killed.add(pid);
      signalProcess(pid, "SIGKILL");
    }
  }
  return killed.size;
}

interface Found {
  readonly pid: number;
  readonly session: number;
}

async function findOwned(owner: string, sessions: ReadonlySet<number>): Promise<Found[]> {
  const mark = `${owner};`;
  const found: Found[] = [];
  for (const name of await unlessGone(readdir("/proc"), [])) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const stat = await unlessGone(readFile(`/proc/${pid}/stat`, "latin1"), "");
    // The name stands in parentheses and may hold anything: fields are counted from the last one.
    const [state, , , session] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (stat === "" || state === "Z" || state === "X") continue;
    const owned = sessions.has(Number(session)) || isOwned(await environmentOf(pid), mark);
    if (owned) found.push({ pid, session: Number(session) });
  }
  return found;
}

function environmentOf(pid: number): Promise<string> {
  return unlessGone(readFile(`/proc/${pid}/environ`, "latin1"), "");
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
