import { availableParallelism } from "node:os";
import type { Ending, Excess } from "../call/ending.ts";
import {
  book,
  type CpuAccount,
  FIRST_SAMPLE_MS,
  judge,
  kernelRoom,
  NEW_ACCOUNT,
  type Quotas,
  type Usage,
} from "../policy/quota.ts";
import type { Clock } from "../util/clock.ts";
import { Deadlines } from "../util/deadlines.ts";
import type { Cgroup } from "./cgroup.ts";
import type { OpenProcess } from "./open-process.ts";
import { type ProcessSample, readExactMemory, readProcess, readStat, readTree } from "./process-tree.ts";

/** What a worker had used before the body began. */
export interface Baseline {
  readonly cpuMs: number;
  readonly memoryBytes: number;
}

/** What a process has used so far, as far as these quotas ask for it; undefined if it is gone. `readBytes` reads its memory. */
export function baselineOf(
  pid: number,
  { cpuMs, memoryBytes }: Quotas,
  readBytes: () => number | undefined,
): Baseline | undefined {
  if (cpuMs !== null) return readProcess(pid);
  // Every call with the memory quota of a preset comes by here: one file is read instead of two.
  const usedBytes = memoryBytes === null ? 0 : readBytes();
  return usedBytes === undefined ? undefined : { cpuMs: 0, memoryBytes: usedBytes };
}

export interface Watched {
  readonly rootPid: number;
  /** Its files, where it is looked at often. */
  readonly root?: OpenProcess | undefined;
  readonly quotas: Quotas;
  /** Undefined while the body has not begun. */
  baseline(): Baseline | undefined;
  /** Of the root. */
  readonly cgroup: Pick<Cgroup, "members" | "bound" | "exhaustedBytes">;
  /** Once, unless the watch was ended before. */
  exceeded(excess: Excess): void;
}

export interface Watch {
  end(): void;
  /** What the kernel has killed for, at the limit that it holds. */
  kernelExcess(): Excess | undefined;
  /** The processor time that was seen, at last now: also that of a root that has ended and is not reaped. */
  usedCpuMs(): number;
}

/** What stands behind a failure: the kernel may have killed the root, or a child whose end the body reports, since the last look. */
export function kernelExcessBehind({ type }: Ending, watch: Watch | undefined): Excess | undefined {
  return type === "raised" || type === "crashed" ? watch?.kernelExcess() : undefined;
}

interface Entry {
  readonly watched: Watched;
  account: CpuAccount;
  baseline: Baseline | undefined;
  looks: number;
  /** Calls off the next sample. */
  callOff: () => void;
}

/** A call that is over by the first is not worth what a cgroup costs. */
const BOUND_AFTER_LOOKS = 2;

/** How processes are looked at; replaced in tests. */
export interface ProcessReader {
  tree(rootPid: number, others?: readonly number[], root?: OpenProcess): readonly ProcessSample[];
  exactMemory: typeof readExactMemory;
}

const systemReader: ProcessReader = { tree: readTree, exactMemory: readExactMemory };

/** Samples the process trees of calls with quotas, on one timer for all of them: a short call costs it next to nothing. */
export class QuotaWatch {
  readonly #samples: Deadlines;
  readonly #reader: ProcessReader;
  readonly #cores: number;

  constructor(clock: Clock, reader = systemReader, cores = availableParallelism()) {
    this.#samples = new Deadlines(clock);
    this.#reader = reader;
    this.#cores = cores;
  }

  watch(watched: Watched): Watch {
    const entry: Entry = { watched, account: NEW_ACCOUNT, baseline: undefined, looks: 0, callOff: () => undefined };
    this.#sampleIn(FIRST_SAMPLE_MS, entry);
    return {
      end: () => entry.callOff(),
      kernelExcess: () => kernelExcess(watched),
      usedCpuMs: () => {
        const baseline = entry.baseline ?? watched.baseline();
        const cpuMs = readStat(watched.rootPid)?.cpuMs;
        const nowMs = cpuMs === undefined || !baseline ? 0 : cpuMs - baseline.cpuMs;
        return Math.max(entry.account.highestMs, nowMs);
      },
    };
  }

  close(): void {
    this.#samples.close();
  }

  #sampleIn(delayMs: number, entry: Entry): void {
    entry.callOff = this.#samples.set(delayMs, () => this.#sample(entry));
  }

  #sample(entry: Entry): void {
    const { quotas, rootPid } = entry.watched;
    entry.baseline ??= entry.watched.baseline();
    const { baseline } = entry;
    const { cgroup } = entry.watched;
    const excess = kernelExcess(entry.watched);
    if (excess) return entry.watched.exceeded(excess);
    const tree = baseline ? this.#reader.tree(rootPid, cgroup.members, entry.watched.root) : [];
    if (!baseline || tree.length === 0) return this.#sampleIn(FIRST_SAMPLE_MS, entry);
    entry.account = book(entry.account, sum(tree, ({ cpuMs }) => cpuMs) - baseline.cpuMs);
    const usage: Usage = {
      cpuMs: entry.account.highestMs,
      memoryBytes: sum(tree, ({ memoryBytes }) => memoryBytes) - baseline.memoryBytes,
      processes: tree.filter(({ isZombie }) => !isZombie).length - 1,
    };
    let verdict = judge(quotas, usage, this.#cores);
    if (verdict.type === "exceeded" && verdict.excess.quota === "memory" && tree.length > 1) {
      verdict = judge(quotas, { ...usage, memoryBytes: this.#exactMemory(tree, baseline) }, this.#cores);
    }
    if (verdict.type === "exceeded") return entry.watched.exceeded(verdict.excess);
    this.#sampleIn(verdict.nextSampleMs, entry);
    entry.looks += 1;
    if (quotas.memoryBytes !== null && entry.looks >= BOUND_AFTER_LOOKS)
      cgroup.bound(tree, kernelRoom(quotas.memoryBytes, baseline.memoryBytes));
  }

  /**
   * The larger of two figures that both are at most what the tree uses, since forks share pages: what the root has grown by, with
   * what only its descendants map; and everyone's share of the pages they map, without all that the root had before.
   */
  #exactMemory(tree: readonly ProcessSample[], baseline: Baseline): number {
    const exact = tree.map((process) => ({ process, ...this.#reader.exactMemory(process.pid) }));
    const [root, ...descendants] = exact;
    const grownBytes = (root?.process.memoryBytes ?? 0) - baseline.memoryBytes;
    const privateBytes = sum(descendants, ({ privateBytes, process }) => privateBytes ?? process.memoryBytes);
    const shareBytes = sum(exact, ({ proportionalBytes, process }) => proportionalBytes ?? process.memoryBytes);
    return Math.max(Math.max(0, grownBytes) + privateBytes, shareBytes - baseline.memoryBytes);
  }
}

function kernelExcess({ cgroup, quotas }: Watched): Excess | undefined {
  const observed = cgroup.exhaustedBytes;
  return observed === undefined || quotas.memoryBytes === null
    ? undefined
    : { quota: "memory", observed, limit: quotas.memoryBytes };
}

function sum<Item>(items: readonly Item[], figure: (item: Item) => number): number {
  return items.reduce((total, item) => total + figure(item), 0);
}
