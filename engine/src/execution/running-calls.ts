import type { Quotas } from "../policy/quota.ts";
import { treeMemoryBytes } from "../processes/process-tree.ts";

/** What the measures against pressure need to know of a call in a worker. */
export interface RunningInWorker {
  readonly callId: string;
  /** Of the worker and all that it started. */
  readonly memoryBytes: number;
  readonly quotaBytes: number | null;
}

interface Busy {
  readonly job: { readonly callId: string; readonly quotas: Quotas };
}

export function runningCalls(busy: Iterable<readonly [{ readonly pid: number | undefined }, Busy]>): RunningInWorker[] {
  return [...busy].map(([{ pid }, { job }]) => ({
    callId: job.callId,
    memoryBytes: (pid !== undefined && treeMemoryBytes([pid])) || 0,
    quotaBytes: job.quotas.memoryBytes,
  }));
}
