import type { Clock, Timer } from "../util/clock.ts";
import { signalGroup } from "./kill-group.ts";

/**
 * The one ladder: SIGTERM to the process group, and after `graceMs` SIGKILL; with no grace SIGKILL at once. The first rung is taken before this
 * returns. What has left the group is its adopter's to kill, when the leader's end is seen.
 *
 * `leaderPid` must be a process that nobody has reaped, until it is gone or the ladder is cancelled: its number could be
 * another's.
 */
export function terminate(leaderPid: number, graceMs: number, clock: Clock): Timer {
  const kill = (): void => void signalGroup(leaderPid, "SIGKILL");
  if (graceMs <= 0) {
    kill();
    return { cancel: () => undefined };
  }
  signalGroup(leaderPid, "SIGTERM");
  return clock.setTimer(graceMs, kill);
}
