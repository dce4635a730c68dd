import { readFileSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readText } from "../util/read-text.ts";
import { isRemoved, killMembers, membersOf, REMOVAL_PAUSE_MS, REMOVAL_TRIES } from "./cgroup-folders.ts";
import { readStat } from "./process-tree.ts";

/** What differs between the two interfaces. Source: the kernel's cgroup-v1/memory and cgroup-v2 documents. */
export const CGROUP_INTERFACES = {
  1: {
    usage: "memory.usage_in_bytes",
    limit: "memory.limit_in_bytes",
    noLimit: "-1",
    // Memory that is swapped out would leave the limit room for more.
    atBirth: [["memory.swappiness", "0"]],
    /** How often an allocation met the limit, and how often a process was killed for want of memory, of this group or of the machine. */
    hits: { met: ["memory.failcnt", /^(\d+)/], killed: ["memory.oom_control", /^oom_kill (\d+)/m] },
  },
  2: {
    usage: "memory.current",
    limit: "memory.max",
    noLimit: "max",
    atBirth: [
      ["memory.swap.max", "0"],
      ["memory.oom.group", "1"],
    ],
    hits: { met: ["memory.events", /^oom (\d+)/m], killed: ["memory.events", /^oom_kill (\d+)/m] },
  },
} as const;

interface Bound {
  readonly roomBytes: number;
  readonly hits: Hits;
}

interface Hits {
  readonly met: number;
  readonly killed: number;
}

/** A process at the time it was looked at. */
export interface Member {
  readonly pid: number;
  readonly startTicks: number;
}

/** Makes the groups of one engine, and knows what the machine allows. */
export interface CgroupMaker {
  readonly version: 1 | 2;
  readonly areUsable: boolean;
  /** @returns the folder of a new group. Rejects with the file system's error where none can be made */
  make(): Promise<string>;
  giveUp(error: unknown): void;
  /** Moves a process out of its group again. */
  putBack(pid: number): void;
}

/**
 * A control group of the kernel around one owned process and all that it starts. It is made when it is needed first: to move a process
 * takes the kernel 5 to 25 ms, far more than most calls.
 */
export class Cgroup {
  readonly #cgroups: CgroupMaker;
  #folder: string | undefined;
  /** What is asked for; what is set follows, once the processes are in. */
  #roomBytes: number | undefined;
  #bound: Bound | undefined;
  #moving: Promise<void> | undefined;
  #exhaustedBytes: number | undefined;
  #removal: Promise<void> | undefined;

  /** Use {@link Cgroups.group}. */
  constructor(cgroups: CgroupMaker) {
    this.#cgroups = cgroups;
  }

  /** Its processes: those moved in, and whatever they have started since, wherever that went. */
  get members(): number[] {
    return this.#folder === undefined ? [] : membersOf(this.#folder);
  }

  /**
   * Moves processes in, parents first, and lets them use so much memory more; until {@link lift}, which the next call does. Does so in
   * the background, and does nothing where there are no cgroups.
   */
  bound(processes: readonly Member[], roomBytes: number): void {
    if (!this.#cgroups.areUsable || this.#removal) return;
    this.#roomBytes = roomBytes;
    this.#moving ??= this.#moveAndBound(processes)
      .catch((error: unknown) => this.#cgroups.giveUp(error))
      .finally(() => {
        this.#moving = undefined;
      });
  }

  /** The room that was given, if an allocation has met its end and the kernel has killed for it. */
  get exhaustedBytes(): number | undefined {
    if (!this.#bound || this.#folder === undefined) return this.#exhaustedBytes;
    const { met, killed } = this.#hits();
    const { hits, roomBytes } = this.#bound;
    return met > hits.met && killed > hits.killed ? roomBytes : undefined;
  }

  /** Takes the limit away, before another call. The processes stay. */
  lift(): void {
    this.#roomBytes = undefined;
    this.#exhaustedBytes = undefined;
    if (!this.#bound) return;
    this.#bound = undefined;
    this.#write(this.#files.limit, this.#files.noLimit);
  }

  /** Kills what is in it, and removes it. For a group whose process has ended. Never rejects; asked for again, it is the same removal. */
  remove(): Promise<void> {
    this.#removal ??= this.#remove();
    return this.#removal;
  }

  async #remove(): Promise<void> {
    this.#roomBytes = undefined;
    await this.#moving;
    const folder = this.#folder;
    if (folder === undefined) return;
    this.#exhaustedBytes = this.exhaustedBytes;
    this.#bound = undefined;
    this.#folder = undefined;
    for (let tries = 0; tries < REMOVAL_TRIES; tries += 1) {
      killMembers(folder);
      if (await isRemoved(folder)) break;
      await sleep(REMOVAL_PAUSE_MS, undefined, { ref: false });
    }
  }

  async #moveAndBound(processes: readonly Member[]): Promise<void> {
    this.#folder ??= await this.#cgroups.make();
    const inside = new Set(this.members);
    for (const process of processes) {
      if (inside.has(process.pid)) continue;
      const moved = this.#moveIn(process);
      // A descendant that has become another user's is not ours to move: it is sampled only.
      await (process === processes[0] ? moved : moved.catch(() => {}));
    }
    // The call may have ended meanwhile.
    if (this.#roomBytes === undefined || this.#bound) return;
    const { usage, limit } = this.#files;
    const usedBytes = Number(readFileSync(join(this.#folder, usage), "latin1"));
    const hits = this.#hits();
    this.#write(limit, String(usedBytes + this.#roomBytes));
    this.#bound = { roomBytes: this.#roomBytes, hits };
  }

  async #moveIn({ pid, startTicks }: Member): Promise<void> {
    try {
      await writeFile(join(this.#folder ?? "", "cgroup.procs"), String(pid));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
    // Should it have ended meanwhile, and its number be another's already: that one is not ours to bound or to kill.
    const now = readStat(pid);
    if (now && now.startTicks !== startTicks) this.#cgroups.putBack(pid);
  }

  #hits(): Hits {
    const count = ([file, pattern]: readonly [string, RegExp]): number =>
      Number(pattern.exec(readText(join(this.#folder ?? "", file)) ?? "")?.[1] ?? 0);
    const { met, killed } = this.#files.hits;
    return { met: count(met), killed: count(killed) };
  }

  get #files() {
    return CGROUP_INTERFACES[this.#cgroups.version];
  }

  #write(file: string, text: string): void {
    try {
      writeFileSync(join(this.#folder ?? "", file), text);
    } catch (error) {
      this.#cgroups.giveUp(error);
    }
  }
}
