import { readdirSync, writeFileSync } from "node:fs";
import { rmdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readText } from "../util/read-text.ts";
import { signalProcess } from "./kill-group.ts";
import { readStat } from "./process-tree.ts";

/** A process that is killed leaves its group when the kernel has taken it down, not before. */
export const REMOVAL_TRIES = 50;
export const REMOVAL_PAUSE_MS = 10;

/** Removes the groups of an engine, as far as nothing runs in them. */
export async function removeGroups(folder: string): Promise<void> {
  for (const name of groupsIn(folder)) await isRemoved(join(folder, name));
  await isRemoved(folder);
}

/** Kills what runs in the groups of an engine that is gone, and removes them. */
export async function endGroups(folder: string): Promise<void> {
  for (let tries = 0; tries < REMOVAL_TRIES; tries += 1) {
    for (const name of groupsIn(folder)) {
      killMembers(join(folder, name));
      await isRemoved(join(folder, name));
    }
    if (await isRemoved(folder)) return;
    await sleep(REMOVAL_PAUSE_MS);
  }
}

/** What engines have left that were killed together with everyone who would have tidied up. */
export async function removeAbandoned(folder: string): Promise<void> {
  for (const name of groupsIn(folder)) {
    const pid = Number(/^endstop-(\d+)-/.exec(name)?.[1]);
    if (pid > 0 && (readStat(pid)?.isZombie ?? true)) await removeGroups(join(folder, name));
  }
}

/** The processes in a group, none if there is no such group. */
export function membersOf(folder: string): number[] {
  return (readText(join(folder, "cgroup.procs")) ?? "").split("\n").filter(Boolean).map(Number);
}

export function killMembers(folder: string): void {
  try {
    writeFileSync(join(folder, "cgroup.kill"), "1"); // all at once: version 2 has this
  } catch {
    for (const pid of membersOf(folder)) signalProcess(pid, "SIGKILL");
  }
}

export function groupsIn(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
  } catch {
    return [];
  }
}

/** False while something is in it. */
export async function isRemoved(folder: string): Promise<boolean> {
  try {
    await rmdir(folder);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT";
  }
}
