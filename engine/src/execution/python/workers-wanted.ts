import { availableParallelism } from "node:os";
import type { Job } from "./job.ts";

/** Bodies that run at once. Tools mostly wait for others, so a small machine gets four all the same. */
export const MAX_BUSY = Math.max(4, availableParallelism());
/** Workers kept beyond the jobs at hand, so that a kill costs the next call nothing. */
const RESERVE = 1;

/** What the pool is asked for. Bodies that wait for calls of this pool (`parents`) take no place of the others. */
export interface Demand {
  readonly parents: number;
  readonly working: number;
  readonly waiting: number;
  /** Memory is short: no reserve. */
  readonly isShrunk: boolean;
}

/** How many workers there should be. */
export function workersWanted({ parents, working, waiting, isShrunk }: Demand): number {
  return parents + Math.min(MAX_BUSY, working + waiting) + (isShrunk ? 0 : RESERVE);
}

/** The calls whose bodies wait for others of these jobs: nested calls must not stand in line behind their own parents. */
export function parentsOf(jobs: Iterable<{ readonly job: Job }>, parents = new Set<string>()): Set<string> {
  for (const { job } of jobs) for (const id of job.waiting) parents.add(id);
  return parents;
}
