import { treeMemoryBytes } from "../processes/process-tree.ts";
import type { CallFigures, CallStats } from "./call-stats.ts";
import type { Measure } from "./thresholds.ts";

/** What an engine has done and does: a snapshot. */
export interface EngineStats extends CallFigures {
  readonly inFlight: number;
  /** Of those, the calls that wait for their turn, or for a worker. */
  readonly waiting: number;
  /** By name: `engine`, `tool search`, `resource database`. A limit of null is none. */
  readonly permits: Readonly<Record<string, { readonly limit: number | null; readonly inUse: number }>>;
  readonly workers: WorkerStats;
  readonly memory: MemoryStats;
  /** What is being done against pressure; nothing on a healthy machine. */
  readonly pressure: readonly Measure[];
}

export interface WorkerStats {
  /** Workers that run a body. */
  readonly busy: number;
  readonly idle: number;
  /** Those that are not ready yet. */
  readonly starting: number;
  /** Calls that wait for a worker. */
  readonly waiting: number;
}

export interface MemoryStats {
  /** The resident memory of the engine's process; of a TypeScript engine, that of the whole program. */
  readonly engineBytes: number;
  /** Anonymous and swapped memory of all workers, with what they started; pages that forks share count in each. Null without Linux's /proc. */
  readonly workersBytes: number | null;
}

export const NO_WORKERS: WorkerStats = { busy: 0, idle: 0, starting: 0, waiting: 0 };

/** @param pids of the processes that run bodies */
export function engineStats(
  { load }: { readonly load: Pick<EngineStats, "inFlight" | "waiting" | "permits"> },
  stats: CallStats,
  workers: WorkerStats,
  pids: readonly number[],
  pressure: readonly Measure[],
): EngineStats {
  const memory = { engineBytes: process.memoryUsage.rss(), workersBytes: treeMemoryBytes(pids) };
  return { ...stats.figures, ...load, workers, memory, pressure };
}
