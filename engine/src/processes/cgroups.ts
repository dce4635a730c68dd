import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { errorInfo } from "../call/error-info.ts";
import { readText } from "../util/read-text.ts";
import { CGROUP_INTERFACES, Cgroup, type CgroupMaker } from "./cgroup.ts";
import { isRemoved, removeAbandoned, removeGroups } from "./cgroup-folders.ts";
import { type CgroupPlace, cgroupPlace } from "./cgroup-place.ts";

/** Names the folder in which groups are made, absolute or seen from this process's own cgroup; `off` makes none. */
export const CGROUP_VARIABLE = "ENDSTOP_CGROUP";

/** The cgroups of one engine, in a folder of their own. Nothing is made before the first is needed. */
export class Cgroups implements CgroupMaker {
  /** Where they are, once there are any; undefined where this machine, or this process's rights, allow none. */
  readonly folder: string | undefined;
  readonly #wish: string | undefined;
  readonly #place: CgroupPlace | undefined;
  #own: Promise<void> | undefined;
  #refusal: string | undefined;
  #made = 0;

  constructor(wish = process.env[CGROUP_VARIABLE], read = readText) {
    this.#wish = wish;
    this.#place = wish === "off" ? undefined : cgroupPlace(read, wish);
    this.folder = this.#place && join(this.#place.folder, `endstop-${process.pid}-${randomBytes(4).toString("hex")}`);
  }

  get version(): 1 | 2 {
    return this.#place?.version ?? 2;
  }

  get areUsable(): boolean {
    return this.folder !== undefined && this.#refusal === undefined;
  }

  /** One for an owned process. */
  group(): Cgroup {
    return new Cgroup(this);
  }

  /**
   * Not in this thread: while the kernel moves a process, whoever makes or removes a group waits for it.
   *
   * @returns the folder of a new group. Rejects with the file system's error where none can be made
   */
  async make(): Promise<string> {
    this.#own ??= this.#makeOwn();
    await this.#own;
    const folder = join(this.folder as string, String(++this.#made));
    await mkdir(folder);
    const { limit, atBirth } = CGROUP_INTERFACES[this.version];
    if (readText(join(folder, limit)) === undefined) {
      await isRemoved(folder);
      throw new Error(`${this.#place?.folder} has no ${limit}: it is no cgroup, or lacks the memory controller`);
    }
    for (const [file, text] of atBirth) {
      try {
        writeFileSync(join(folder, file), text);
      } catch {
        // A kernel without swap accounting, for one, has no such file.
      }
    }
    return folder;
  }

  /** Quotas are still sampled. It is not tried again: what a kernel refuses once, it refuses. Who named a folder is told. */
  giveUp(error: unknown): void {
    if (this.#refusal !== undefined) return;
    this.#refusal = errorInfo(error).message;
    if (this.#wish) process.stderr.write(`endstop: ${CGROUP_VARIABLE}=${this.#wish} is of no use: ${this.#refusal}\n`);
  }

  /** What came of trying, in a line. */
  async describe(): Promise<string> {
    if (this.#place === undefined) return this.#wish === "off" ? `off (${CGROUP_VARIABLE})` : "none";
    try {
      await isRemoved(await this.make());
      return `version ${this.version}, in ${this.#place.folder}`;
    } catch (error) {
      return `none of ours (${errorInfo(error).message})`;
    } finally {
      await this.close();
    }
  }

  putBack(pid: number): void {
    if (this.#place) void writeFile(join(this.#place.folder, "cgroup.procs"), String(pid)).catch(() => {});
  }

  /** Removes what is empty. */
  async close(): Promise<void> {
    if (this.#own && this.folder !== undefined) await removeGroups(this.folder);
  }

  async #makeOwn(): Promise<void> {
    const { folder, version } = this.#place as CgroupPlace;
    await removeAbandoned(folder);
    if (version === 2) shareOutMemory(folder);
    await mkdir(this.folder as string);
    if (version === 2) shareOutMemory(this.folder as string);
  }
}

/** Version 2: groups have the controllers that the one above hands down, which one with processes of its own may not (EBUSY). */
function shareOutMemory(folder: string): void {
  const file = join(folder, "cgroup.subtree_control");
  if (readFileSync(file, "latin1").split(/\s/).includes("memory")) return;
  try {
    writeFileSync(file, "+memory");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(`${folder} has processes of its own, or no memory controller to hand down (${code})`);
  }
}
