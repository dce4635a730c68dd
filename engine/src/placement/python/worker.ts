import type { WorkerEnd } from "../../events/engine-event.ts";
import type { Channel } from "../../internal/channel.ts";
import type { Timer } from "../../internal/clock.ts";
import type { Died } from "./messages.ts";

/** The life of a worker's process. */
export type WorkerLife =
  | { readonly type: "forking"; readonly token: string; readonly tooLate: Timer }
  | { readonly type: "alive" }
  /** It ends by itself: its last words are awaited, bounded. */
  | { readonly type: "dying"; readonly tooLate: Timer }
  /** Killed or retired by us: nothing is expected of it but to be reaped. */
  | { readonly type: "ending" };

export interface Worker {
  readonly number: number;
  /** What it was forked with: a count of what the template was told to import. */
  readonly generation: number;
  /** Calls it has been given. */
  calls: number;
  /** Keys of the tools it has been given. */
  readonly loaded: Set<string>;
  pid: number | undefined;
  channel: Channel | undefined;
  died: Died | undefined;
  /** The ladder of its termination, while it is on one. */
  termination: Timer | undefined;
  life: WorkerLife;
  /** Why it was ended by us. */
  endedFor: WorkerEnd | null;
}
