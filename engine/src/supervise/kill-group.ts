/**
 * Kills a process group at once. `leaderPid` must be a child that nobody has reaped yet: as long as it is at least a
 * zombie, its number is not given to another process.
 *
 * @returns false if the group no longer exists
 */
export function killGroup(leaderPid: number): boolean {
  // A leader that has not called setsid yet has no group of its own, so it is signalled itself as well.
  const group = signal(-leaderPid);
  return signal(leaderPid) || group;
}

function signal(target: number): boolean {
  try {
    return process.kill(target, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}
