/**
 * Kills a process group at once. `leaderPid` must be a child that nobody has reaped yet: as long as it is at least a
 * zombie, its number is not given to another process.
 *
 * @returns false if nobody of it is left whom this process may kill
 */
export function killGroup(leaderPid: number): boolean {
  return signalGroup(leaderPid, "SIGKILL");
}

/** The same with another signal. */
export function signalGroup(leaderPid: number, signal: NodeJS.Signals): boolean {
  // A leader that has not called setsid yet has no group of its own: then it is signalled itself.
  return signalProcess(-leaderPid, signal) || signalProcess(leaderPid, signal);
}

/** @returns false if there is no such process (negative: process group), or it has become another user's (EPERM) */
export function signalProcess(target: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(target, signal);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ESRCH" || code === "EPERM") return false;
    throw error;
  }
}
