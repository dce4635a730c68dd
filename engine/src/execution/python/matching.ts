import type { ErrorInfo } from "../../call/outcome.ts";
import type { Job } from "./job.ts";
import type { Readiness } from "./modules.ts";
import type { Waiting, WaitingGroup } from "./waiting-jobs.ts";
import { MAX_BUSY } from "./workers-wanted.ts";

/** What becomes of the jobs that wait, in their order. */
export interface Matches<Worker> {
  readonly starts: readonly { readonly queued: Waiting; readonly worker: Worker }[];
  /** Their modules cannot be imported. */
  readonly failed: readonly { readonly queued: Waiting; readonly error: ErrorInfo }[];
  /** Workers that nobody got. */
  readonly idle: readonly Worker[];
  /** Bodies that compute once these have started. */
  readonly working: number;
  /** Jobs that could run and got no worker; those whose modules are being imported are not counted. */
  readonly waiting: number;
}

/**
 * Gives workers to waiting jobs, first come first served, as long as fewer than {@link MAX_BUSY} bodies compute. A job whose body waits for
 * calls of the same pool (`isParent`) does not count as one of these. Looks at the jobs that start or have failed, and at the first of each tool.
 *
 * @param groups the jobs of each tool; what one of them needs, all do
 */
export function matchJobs<Worker>(
  groups: Iterable<WaitingGroup>,
  idleWorkers: readonly Worker[],
  workingNow: number,
  isParent: (callId: string) => boolean,
  readinessOf: (job: Job) => Readiness,
): Matches<Worker> {
  const failed: { queued: Waiting; error: ErrorInfo }[] = [];
  const heads: Waiting[] = [];
  let waiting = 0;
  for (const { jobs, count } of groups) {
    const { first } = jobs;
    const readiness: Readiness = first ? readinessOf(first.job) : { type: "waiting" };
    if (readiness.type === "failed") for (const queued of jobs) failed.push({ queued, error: readiness.error });
    if (!first || readiness.type !== "ready") continue;
    heads.push(first);
    waiting += count;
  }
  const idle = [...idleWorkers];
  const starts: { queued: Waiting; worker: Worker }[] = [];
  let working = workingNow;
  while (working < MAX_BUSY && idle.length > 0) {
    const queued = earliest(heads);
    if (!queued) break;
    heads.splice(heads.indexOf(queued), 1, ...(queued.next ? [queued.next] : []));
    starts.push({ queued, worker: idle.shift() as Worker });
    waiting -= 1;
    if (!isParent(queued.job.callId)) working += 1;
  }
  failed.sort((a, b) => a.queued.order - b.queued.order);
  return { starts, failed, idle, working, waiting };
}

function earliest(heads: readonly Waiting[]): Waiting | undefined {
  let first: Waiting | undefined;
  for (const head of heads) if (!first || head.order < first.order) first = head;
  return first;
}
