import type { Cgroup } from "../../processes/cgroup.ts";
import type { WorkerEnd } from "../../telemetry/engine-event.ts";
import type { Channel } from "../../transport/channel.ts";
import type { Timer } from "../../util/clock.ts";
import type { Died, ToWorker } from "./messages.ts";
import type { NoteFile } from "./started-note.ts";

/** The life of a worker's process. */
export type WorkerLife =
  | { readonly type: "forking"; readonly tooLate: Timer }
  | { readonly type: "alive" }
  /** It ends by itself: its last words are awaited, bounded. */
  | { readonly type: "dying"; readonly tooLate: Timer }
  /** Killed or retired by us: nothing is expected of it but to be reaped. */
  | { readonly type: "ending" };

export interface Worker {
  readonly number: number;
  /** What it was forked with: it shows it as it dials, and so does what its bodies start. */
  readonly token: string;
  /** What it was forked with: a count of what the template was told to import. */
  readonly generation: number;
  /** Calls it has been given. */
  calls: number;
  /** Keys of the tools it has been given. */
  readonly loaded: Set<string>;
  /** What it said that was no answer to the call that it ran: after its call it is ended. */
  outOfTurn: number;
  /** What was wrong with what it sent, if that ended its channel. */
  broken: string | undefined;
  /** Ids of those calls, and of the latest, or an empty text. */
  readonly given: Set<string>;
  latest: string;
  readonly cgroup: Cgroup;
  pid: number | undefined;
  channel: Channel | undefined;
  /** Where it notes what it begins, from its hello on. */
  note: NoteFile | undefined;
  died: Died | undefined;
  life: WorkerLife;
  /** Why it was ended by us. */
  endedFor: WorkerEnd | null;
}

/** By this its guests name it; no call has such an id. */
export function workerName(number: number): string {
  return `worker-${number}`;
}

/** A worker is recycled after this many calls, */
const MAX_CALLS_PER_WORKER = 10_000;
/** or when it has grown by this: what a tool keeps, or leaks, is given back. */
const MAX_GROWTH_BYTES = 256_000_000;

/** Whether a worker has run enough; `grownBytes` is what it says it has grown by. */
export function isWornOut({ calls, outOfTurn }: Worker, grownBytes: number): boolean {
  return outOfTurn > 0 || calls >= MAX_CALLS_PER_WORKER || grownBytes > MAX_GROWTH_BYTES;
}

/** Nobody is told if the worker has no channel any more: its end is on the way. */
export function tell(worker: Worker, message: ToWorker, body: Uint8Array): void {
  worker.channel?.send(message, body);
}
