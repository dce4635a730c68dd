import type { ErrorInfo } from "../../call/outcome.ts";
import type { Job } from "./job.ts";
import type { Readiness } from "./modules.ts";
import type { Waiting } from "./waiting-jobs.ts";
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
 * calls of the same pool (`isParent`) does not count as one of these.
 */
export function matchJobs<Worker>(
  queue: readonly Waiting[],
  idleWorkers: readonly Worker[],
  workingNow: number,
  isParent: ReadonlySet<string>,
  readinessOf: (job: Job) => Readiness,
): Matches<Worker> {
  const idle = [...idleWorkers];
  const starts: { queued: Waiting; worker: Worker }[] = [];
  const failed: { queued: Waiting; error: ErrorInfo }[] = [];
  let working = workingNow;
  let waiting = 0;
  for (const queued of queue) {
    const { job } = queued;
    const readiness = readinessOf(job);
    if (readiness.type === "waiting") continue;
    if (readiness.type === "failed") {
      failed.push({ queued, error: readiness.error });
      continue;
    }
    const worker = working < MAX_BUSY ? idle.shift() : undefined;
    if (worker === undefined) {
      waiting += 1;
      continue;
    }
    starts.push({ queued, worker });
    if (!isParent.has(job.callId)) working += 1;
  }
  return { starts, failed, idle, working, waiting };
}
