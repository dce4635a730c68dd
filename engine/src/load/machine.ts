import { availableParallelism, cpus, freemem, totalmem } from "node:os";
import { type ReadText, readText } from "../util/read-text.ts";

/** Memory and processor time that this process may use, of the machine or of a cgroup that limits it. */
export interface MachineFigures {
  readonly memoryFraction: number;
  readonly memoryLimitBytes: number;
  /** Processor time used so far, of all processors together, and how many processors there are to use. */
  readonly cpuUsedMs: number;
  readonly cpuCount: number;
}

/**
 * Reads the figures. Linux: /proc and cgroup v2, of the cgroup of this process and each above it the one that is fullest. Elsewhere:
 * what Node's `os` knows of the machine, where caches may count as used.
 */
export function readMachine(read: ReadText = readText): MachineFigures {
  const cgroups = cgroupFolders(read);
  const memories = [machineMemory(read), ...cgroups.map((folder) => cgroupMemory(folder, read))].filter(
    (its) => its !== undefined,
  );
  const fullest = memories.reduce((a, b) => (b.usedBytes / b.limitBytes > a.usedBytes / a.limitBytes ? b : a));
  const limited = cgroups.map((folder) => cgroupCpu(folder, read)).find((its) => its !== undefined);
  return {
    memoryFraction: fullest.usedBytes / fullest.limitBytes,
    memoryLimitBytes: fullest.limitBytes,
    ...(limited ?? { cpuUsedMs: machineCpuMs(read), cpuCount: availableParallelism() }),
  };
}

/** The part of the processors that was used between two readings; 0 to 1. */
export function cpuFraction(before: MachineFigures, now: MachineFigures, elapsedMs: number): number {
  const usedMs = now.cpuUsedMs - before.cpuUsedMs;
  return elapsedMs <= 0 ? 0 : Math.min(1, Math.max(0, usedMs / (elapsedMs * now.cpuCount)));
}

interface Memory {
  readonly usedBytes: number;
  readonly limitBytes: number;
}

function machineMemory(read: ReadText): Memory {
  const info = read("/proc/meminfo");
  const kibibytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(info ?? "")?.[1]);
  const limitBytes = kibibytes("MemTotal") * 1_024 || totalmem();
  const availableBytes = info ? kibibytes("MemAvailable") * 1_024 : freemem();
  return { limitBytes, usedBytes: limitBytes - (Number.isNaN(availableBytes) ? freemem() : availableBytes) };
}

/** The unit of /proc/stat: USER_HZ, which is 100 on every architecture Node runs on. */
const MS_PER_TICK = 10;

/** Of all processors. `cpus()` tells the same, and costs ten times as much. */
function machineCpuMs(read: ReadText): number {
  const [user, nice, system, , , irq, softIrq] = (/^cpu +(.*)$/m.exec(read("/proc/stat") ?? "")?.[1] ?? "")
    .split(" ")
    .map(Number);
  const ticks = (user ?? 0) + (nice ?? 0) + (system ?? 0) + (irq ?? 0) + (softIrq ?? 0);
  if (ticks > 0) return ticks * MS_PER_TICK;
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
}

/** The folder of this process's cgroup and of each above it. */
function cgroupFolders(read: ReadText): string[] {
  const path = /^0::(\/.*)$/m.exec(read("/proc/self/cgroup") ?? "")?.[1];
  if (path === undefined) return [];
  const parts = path.split("/").filter((part) => part !== "");
  return Array.from({ length: parts.length + 1 }, (_, up) =>
    ["/sys/fs/cgroup", ...parts.slice(0, parts.length - up)].join("/"),
  );
}

function cgroupMemory(folder: string, read: ReadText): Memory | undefined {
  const limitBytes = Number.parseInt(read(`${folder}/memory.max`) ?? "", 10);
  const currentBytes = Number.parseInt(read(`${folder}/memory.current`) ?? "", 10);
  if (Number.isNaN(limitBytes) || Number.isNaN(currentBytes) || limitBytes <= 0) return undefined;
  // Pages of files that nobody has used lately are given up before anything is killed.
  const idle = Number(/^inactive_file (\d+)$/m.exec(read(`${folder}/memory.stat`) ?? "")?.[1] ?? 0);
  return { limitBytes, usedBytes: Math.max(0, currentBytes - idle) };
}

function cgroupCpu(folder: string, read: ReadText): { cpuUsedMs: number; cpuCount: number } | undefined {
  const [quota, period] = (read(`${folder}/cpu.max`) ?? "").split(" ").map(Number);
  const usedMicroseconds = Number(/^usage_usec (\d+)$/m.exec(read(`${folder}/cpu.stat`) ?? "")?.[1]);
  if (!quota || !period || Number.isNaN(usedMicroseconds)) return undefined;
  return { cpuUsedMs: usedMicroseconds / 1_000, cpuCount: quota / period };
}
