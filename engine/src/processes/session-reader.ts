import type { Clock } from "../util/clock.ts";
import type { OpenProcess } from "./open-process.ts";
import {
  type ProcessSample,
  type ProcessStat,
  readExactMemory,
  readProcess,
  readTree,
  scanStats,
} from "./process-tree.ts";
import type { ProcessReader } from "./quota-watch.ts";

/** A look at all processes of the machine serves every call for this long, */
const SHORTEST_AGE_MS = 20;
/** and for so many times what it took: the engine's thread has more to do. */
const AGE_TO_COST = 10;

/** What is read, replaced in tests. */
export interface Sources {
  tree(rootPid: number, others?: readonly number[], root?: OpenProcess): readonly ProcessSample[];
  scan(): readonly ProcessStat[];
  process(pid: number): ProcessSample | undefined;
}

const system: Sources = { tree: readTree, scan: scanStats, process: readProcess };

/**
 * Looks at processes that each lead a session and adopt no orphans: at the descendants of one, which are read each time, and at whoever is in its
 * session though the parent has ended, who is found at the latest with the next look at the whole machine. What has left the session *and* lost its
 * parent is seen in its cgroup, where there is one; else it is found by its owner when the call ends.
 */
export class SessionReader implements ProcessReader {
  readonly exactMemory = readExactMemory;
  readonly #clock: Clock;
  readonly #sources: Sources;
  #scanned: readonly ProcessStat[] = [];
  #holdsUntilMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, sources = system) {
    this.#clock = clock;
    this.#sources = sources;
  }

  tree(rootPid: number, others?: readonly number[], root?: OpenProcess): readonly ProcessSample[] {
    const tree = this.#sources.tree(rootPid, others, root);
    if (tree.length === 0) return tree;
    const seen = new Set(tree.map(({ pid }) => pid));
    const orphans = this.#scan()
      .filter(({ sessionId, pid }) => sessionId === rootPid && !seen.has(pid))
      .map(({ pid, startTicks }) => ({ startTicks, now: this.#sources.process(pid) }))
      .flatMap(({ startTicks, now }) => (now?.startTicks === startTicks ? [now] : []));
    return [...tree, ...orphans];
  }

  #scan(): readonly ProcessStat[] {
    const beganAtMs = this.#clock.now();
    if (beganAtMs < this.#holdsUntilMs) return this.#scanned;
    this.#scanned = this.#sources.scan();
    const endedAtMs = this.#clock.now();
    this.#holdsUntilMs = endedAtMs + Math.max(SHORTEST_AGE_MS, AGE_TO_COST * (endedAtMs - beganAtMs));
    return this.#scanned;
  }
}
