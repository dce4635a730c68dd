import { readdirSync, readFileSync } from "node:fs";
import type { OpenProcess } from "./open-process.ts";

/** The unit of times in /proc/<pid>/stat: USER_HZ, which is 100 on every architecture Node runs on. */
const MS_PER_TICK = 10;
const ZOMBIES: ReadonlySet<string> = new Set(["Z", "X"]);

/** One process at one instant, but for its memory, which costs the kernel more to tell. */
export interface ProcessStat {
  readonly pid: number;
  readonly parentPid: number;
  readonly groupId: number;
  readonly sessionId: number;
  /** Ticks since boot. With the pid it names one process for ever. */
  readonly startTicks: number;
  /** It has ended and waits for its parent; its processor time still counts. */
  readonly isZombie: boolean;
  /** User and system time, with that of children it has waited for. */
  readonly cpuMs: number;
}

export interface ProcessSample extends ProcessStat {
  /** Anonymous, shared and swapped memory. Pages it shares with its parent since a fork count in both. */
  readonly memoryBytes: number;
}

/** What `/proc/<pid>/smaps_rollup` says: exact, but the kernel walks all pages for it. */
export interface ExactMemory {
  /** Each page divided by the number of processes that map it. */
  readonly proportionalBytes: number;
  /** Pages that no other process maps. */
  readonly privateBytes: number;
}

/** Whether processes can be looked at on this system: it has Linux's /proc. */
export function canReadProcesses(): boolean {
  return readText("/proc/self/stat") !== undefined;
}

/** Undefined if there is no such process. */
export function readProcess(pid: number): ProcessSample | undefined {
  const stat = readStat(pid);
  return stat && withMemory(stat);
}

/** Undefined if there is no such process. */
export function readStat(pid: number): ProcessStat | undefined {
  const stat = readText(`/proc/${pid}/stat`);
  return stat === undefined ? undefined : statIn(pid, stat);
}

export function statIn(pid: number, stat: string): ProcessStat {
  // The name stands in parentheses and may hold anything: fields are counted from the last one.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const field = (number: number): number => Number(fields[number - 3]);
  return {
    pid,
    parentPid: field(4),
    groupId: field(5),
    sessionId: field(6),
    startTicks: field(22),
    isZombie: ZOMBIES.has(fields[0] ?? ""),
    cpuMs: (field(14) + field(15) + field(16) + field(17)) * MS_PER_TICK,
  };
}

function withMemory(stat: ProcessStat): ProcessSample | undefined {
  const memoryBytes = readMemory(stat.pid);
  return memoryBytes === undefined ? undefined : { ...stat, memoryBytes };
}

/** As in `ProcessSample`; undefined if there is no such process. */
function readMemory(pid: number): number | undefined {
  const status = readText(`/proc/${pid}/status`);
  return status === undefined ? undefined : memoryIn(status);
}

/** @param status that of `/proc/<pid>` */
export function memoryIn(status: string): number {
  return kibibytes(status, "RssAnon") + kibibytes(status, "RssShmem") + kibibytes(status, "VmSwap");
}

/** Whether a signal has stopped it; one that a debugger holds is not meant. False where that cannot be seen. */
export function isStopped(pid: number): boolean {
  const stat = readText(`/proc/${pid}/stat`) ?? "";
  return stat.charAt(stat.lastIndexOf(")") + 2) === "T";
}

/**
 * A process and all its descendants, the root first; empty if the root is gone. What left the root's group or session is
 * found as well, as long as every parent on the way lives or the root is a child subreaper, or if it is one of `others`.
 *
 * @param root the root's files, where it is looked at often
 */
export function readTree(rootPid: number, others: readonly number[] = [], root?: OpenProcess): ProcessSample[] {
  const tree: ProcessSample[] = [];
  const seen = new Set<number>();
  for (let pids = [rootPid, ...others]; pids.length > 0; ) {
    const next: number[] = [];
    for (const pid of pids) {
      if (seen.has(pid)) continue;
      seen.add(pid);
      const open = pid === rootPid ? root : undefined;
      const process = open ? open.sample() : readProcess(pid);
      if (!process && pid === rootPid) return [];
      if (!process) continue;
      tree.push(process);
      if (!process.isZombie) next.push(...(open?.children() ?? childrenOf(pid)));
    }
    pids = next;
  }
  return tree;
}

/** Every process of the machine: for trees whose root adopts no orphans. Costs a read a process. */
export function scanStats(): ProcessStat[] {
  return readNames("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => readStat(Number(name)))
    .filter((stat) => stat !== undefined);
}

/** Undefined if the process is gone, or this kernel does not tell. */
export function readExactMemory(pid: number): ExactMemory | undefined {
  const rollup = readText(`/proc/${pid}/smaps_rollup`);
  if (rollup === undefined) return undefined;
  const swapBytes = kibibytes(rollup, "SwapPss");
  return {
    proportionalBytes: kibibytes(rollup, "Pss_Anon") + kibibytes(rollup, "Pss_Shmem") + swapBytes,
    privateBytes: kibibytes(rollup, "Private_Dirty") + swapBytes,
  };
}

function childrenOf(pid: number): number[] {
  // Children belong to the thread that forked them.
  return readNames(`/proc/${pid}/task`).flatMap((task) =>
    (readText(`/proc/${pid}/task/${task}/children`) ?? "").split(" ").filter(Boolean).map(Number),
  );
}

function kibibytes(text: string, name: string): number {
  const start = text.indexOf(`\n${name}:`);
  return start < 0 ? 0 : Number.parseInt(text.slice(start + name.length + 2), 10) * 1_024;
}

function readNames(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    return unlessGone(error) ?? [];
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch (error) {
    return unlessGone(error);
  }
}

/** A process can end between any two reads, or become another user's. */
export function unlessGone(error: unknown): undefined {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== "ENOENT" && code !== "ESRCH" && code !== "EACCES" && code !== "EPERM") throw error;
  return undefined;
}

/** Memory of these processes and all their descendants together; null on a system where that cannot be seen. */
export function treeMemoryBytes(rootPids: readonly number[]): number | null {
  if (!canReadProcesses()) return null;
  const tree = new Map(rootPids.flatMap((pid) => readTree(pid)).map((process) => [process.pid, process]));
  let bytes = 0;
  for (const { memoryBytes } of tree.values()) bytes += memoryBytes;
  return bytes;
}

/** Of several processes the one that uses most memory by itself; undefined if none can be seen. */
export function largestOf<Process extends { readonly pid: number | undefined }>(
  processes: readonly Process[],
): Process | undefined {
  let largest: { readonly process: Process; readonly memoryBytes: number } | undefined;
  for (const process of processes) {
    const memoryBytes = process.pid === undefined ? undefined : readProcess(process.pid)?.memoryBytes;
    if (memoryBytes !== undefined && memoryBytes > (largest?.memoryBytes ?? 0)) largest = { process, memoryBytes };
  }
  return largest?.process;
}
