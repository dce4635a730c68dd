import type { Excess, QuotaName } from "../call/ending.ts";

/** What one call may use, summed over all its processes. Null is no limit. */
export interface Quotas {
  /** User and system time, of ended children too. Linux counts in steps of 10 ms. */
  readonly cpuMs: number | null;
  /** Anonymous, shared and swapped memory above what the worker had as the body began. Mapped files do not count. */
  readonly memoryBytes: number | null;
  /** Processes that live at once beside the worker itself. */
  readonly processes: number | null;
  /** The result, in bytes as it travels. */
  readonly outputBytes: number | null;
}

export const NO_QUOTAS: Quotas = { cpuMs: null, memoryBytes: null, processes: null, outputBytes: null };

/** What a call has used up to now. */
export interface Usage {
  readonly cpuMs: number;
  readonly memoryBytes: number;
  readonly processes: number;
}

export type Verdict =
  /** Look again after `nextSampleMs`: soon where a limit is near. */
  { readonly type: "within"; readonly nextSampleMs: number } | { readonly type: "exceeded"; readonly excess: Excess };

/** A call that ends sooner is never looked at. */
export const FIRST_SAMPLE_MS = 5;
const SHORTEST_MS = 2;
const LONGEST_MS = 50;
/** Forks come in bursts, and only a short interval keeps the burst small. */
const LONGEST_WITH_PROCESSES_MS = 10;
/** Faster than pages can be touched for the first time on the machines we know. */
const BYTES_PER_MS = 4_000_000;

/** Whether something has to be sampled while the body runs; the output is measured when it is there. */
export function needsSampling({ cpuMs, memoryBytes, processes }: Quotas): boolean {
  return cpuMs !== null || memoryBytes !== null || processes !== null;
}

/** Compares what is used with what may be. `cores`: how many ms of processor time can pass in one ms. */
export function judge(quotas: Quotas, usage: Usage, cores: number): Verdict {
  const { cpuMs, memoryBytes, processes } = quotas;
  if (memoryBytes !== null && usage.memoryBytes > memoryBytes) {
    return exceeded("memory", usage.memoryBytes, memoryBytes);
  }
  if (processes !== null && usage.processes > processes) return exceeded("processes", usage.processes, processes);
  if (cpuMs !== null && usage.cpuMs > cpuMs) return exceeded("cpu", usage.cpuMs, cpuMs);
  const soonestMs = Math.min(
    processes === null ? LONGEST_MS : LONGEST_WITH_PROCESSES_MS,
    memoryBytes === null ? LONGEST_MS : (memoryBytes - usage.memoryBytes) / BYTES_PER_MS,
    cpuMs === null ? LONGEST_MS : (cpuMs - usage.cpuMs) / cores,
  );
  return { type: "within", nextSampleMs: Math.max(SHORTEST_MS, soonestMs) };
}

/** What the kernel counts beside: its own tables for these processes, and pages that it gives up last. */
const KERNEL_SLACK_BYTES = 16_777_216;
const KERNEL_SLACK_PARTS = 16;

/**
 * What a cgroup may take up from now on, so that nothing within the quota meets its end: the quota, and a copy of all the worker had
 * as the body began, since to write to memory that it shares with the template makes one.
 */
export function kernelRoom(memoryBytes: number, baselineBytes: number): number {
  return Math.ceil(memoryBytes + memoryBytes / KERNEL_SLACK_PARTS) + KERNEL_SLACK_BYTES + baselineBytes;
}

/** The excess of a result, or undefined if it may be handed on. */
export function judgeOutput({ outputBytes }: Quotas, observedBytes: number): Excess | undefined {
  if (outputBytes === null || observedBytes <= outputBytes) return undefined;
  return { quota: "output", observed: observedBytes, limit: outputBytes };
}

function exceeded(quota: QuotaName, observed: number, limit: number): Verdict {
  return { type: "exceeded", excess: { quota, observed, limit } };
}

/** Processor time of a tree whose processes come and go. */
export interface CpuAccount {
  /** Time of processes that ended without anyone who waited for them. */
  readonly goneMs: number;
  readonly highestMs: number;
  readonly wasBelow: boolean;
}

export const NEW_ACCOUNT: CpuAccount = { goneMs: 0, highestMs: 0, wasBelow: false };

/**
 * Books the sum over the living processes. An ended child's time moves to the parent that waits for it; where nobody does
 * (SIGCHLD ignored), the sum falls, and what fell is kept. One low sum alone is not believed: a child that ends between two
 * reads is missing once.
 */
export function book(account: CpuAccount, livingMs: number): CpuAccount {
  const { goneMs, highestMs, wasBelow } = account;
  const totalMs = livingMs + goneMs;
  if (totalMs >= highestMs) return { goneMs, highestMs: totalMs, wasBelow: false };
  if (!wasBelow) return { goneMs, highestMs, wasBelow: true };
  return { goneMs: goneMs + highestMs - totalMs, highestMs, wasBelow: false };
}
