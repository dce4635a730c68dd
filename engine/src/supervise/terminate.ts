import type { Clock, Timer } from "../internal/clock.ts";
import { signalGroup, signalProcess } from "./kill-group.ts";

/** How long a body may take to end by itself on each rung. 0 leaves the rung out. */
export interface Graces {
  /** After SIGINT, which Python turns into an exception in the body. */
  readonly askMs: number;
  /** After SIGTERM to its process group. */
  readonly terminateMs: number;
}

/** No rung but the last. */
export const AT_ONCE: Graces = { askMs: 0, terminateMs: 0 };

interface Rung {
  readonly afterMs: number;
  readonly signal: "SIGINT" | "SIGTERM" | "SIGKILL";
}

/** The rungs in order, each with the time from the beginning. The last is always SIGKILL. */
export function rungs({ askMs, terminateMs }: Graces): readonly Rung[] {
  return [
    ...(askMs > 0 ? [{ afterMs: 0, signal: "SIGINT" } as const] : []),
    ...(terminateMs > 0 ? [{ afterMs: askMs, signal: "SIGTERM" } as const] : []),
    { afterMs: askMs + terminateMs, signal: "SIGKILL" },
  ];
}

/**
 * The one ladder: ask, terminate, kill. The first rung is taken before this returns. SIGKILL goes to the process group; what has left the
 * group is its adopter's to kill, when the leader's end is seen.
 *
 * `leaderPid` must be a process that nobody has reaped, until it is gone or the ladder is cancelled: its number could be
 * another's.
 */
export function terminate(leaderPid: number, graces: Graces, clock: Clock): Timer {
  let timer: Timer | undefined;
  const climb = ([rung, ...rest]: readonly Rung[]): void => {
    if (!rung) return;
    if (rung.signal === "SIGINT") signalProcess(leaderPid, rung.signal);
    else signalGroup(leaderPid, rung.signal);
    const next = rest[0];
    if (next) timer = clock.setTimer(next.afterMs - rung.afterMs, () => climb(rest));
  };
  climb(rungs(graces));
  return { cancel: () => timer?.cancel() };
}
