import { show } from "../util/duration.ts";
import { suggestNames } from "../util/nearest.ts";

/** What a graph needs to know of one call of a batch. */
export interface BatchNode {
  /** How other calls of the batch name this one; without a name none can come after it. */
  readonly name?: string | undefined;
  /** Names of the calls that must have ended before this one starts. */
  readonly after?: readonly string[] | undefined;
  /** What becomes of this call if one of those did not succeed. Default `reject`. */
  readonly afterFailure?: "reject" | "run" | undefined;
}

/** What became possible because a call ended. Calls are named by their index in the batch. */
export interface Released {
  readonly ready: readonly number[];
  /** Calls that will not run, each with the parent that failed. Their own children are among them. */
  readonly rejected: readonly { readonly index: number; readonly failed: number }[];
}

/**
 * Which calls of a batch may start. Each call is given out exactly once: as ready or as rejected. The cost over the whole
 * batch is that of its calls and their `after` entries.
 */
export class BatchGraph {
  readonly #nodes: readonly BatchNode[];
  readonly #children: number[][];
  readonly #open: number[];
  readonly #failedParent: (number | undefined)[];
  readonly #state: ("waiting" | "out" | "ended")[];

  /** @throws TypeError for what is no name, a name that is taken, one that is unknown, and a cycle: names the calls of the cycle */
  constructor(nodes: readonly BatchNode[]) {
    for (const [index, node] of nodes.entries()) checkNode(node, node.name ?? `call ${index}`);
    this.#nodes = nodes;
    this.#children = nodes.map(() => []);
    this.#failedParent = nodes.map(() => undefined);
    this.#state = nodes.map(() => "waiting");
    const parents = resolveParents(nodes);
    this.#open = parents.map((its) => its.length);
    for (const [index, its] of parents.entries()) for (const parent of its) this.#children[parent]?.push(index);
    refuseCycle(parents, this.#children, (index) => nodes[index]?.name ?? `call ${index}`);
  }

  /** The calls that come after none. Ask once, at the beginning. */
  begin(): readonly number[] {
    return [...this.#nodes.keys()].filter((index) => this.#open[index] === 0 && this.#giveOut(index));
  }

  /** A call that was given out as ready has ended. The second ending of a call releases nothing. */
  ended(index: number, succeeded: boolean): Released {
    const ready: number[] = [];
    const rejected: { index: number; failed: number }[] = [];
    if (this.#state[index] !== "out") return { ready, rejected };
    this.#state[index] = "ended";
    const endings = [{ index, succeeded }];
    for (const ending of endings) {
      for (const child of this.#children[ending.index] ?? []) {
        if (!ending.succeeded) this.#failedParent[child] ??= ending.index;
        const open = (this.#open[child] ?? 0) - 1;
        this.#open[child] = open;
        const failed = this.#nodes[child]?.afterFailure === "run" ? undefined : this.#failedParent[child];
        if (failed !== undefined && this.#giveOut(child)) {
          this.#state[child] = "ended";
          rejected.push({ index: child, failed });
          endings.push({ index: child, succeeded: false });
        } else if (open === 0 && this.#giveOut(child)) ready.push(child);
      }
    }
    return { ready, rejected };
  }

  waits(index: number): boolean {
    return this.#state[index] === "waiting";
  }

  /** A call leaves the others behind: it waits no longer. @returns false if it does not wait */
  leave(index: number): boolean {
    return this.#giveOut(index);
  }

  #giveOut(index: number): boolean {
    if (this.#state[index] !== "waiting") return false;
    this.#state[index] = "out";
    return true;
  }
}

/** @throws TypeError that names the call, the value and what it may be */
function checkNode({ name, after, afterFailure }: BatchNode, who: unknown): void {
  if (name !== undefined && (typeof name !== "string" || name === ""))
    throw new TypeError(`the name of a batch's call must be a text, got ${show(name)}`);
  if (after !== undefined && !Array.isArray(after))
    throw new TypeError(`${who} after must be a list of names, got ${show(after)}`);
  for (const parent of after ?? [])
    if (typeof parent !== "string") throw new TypeError(`${who} after must have names, got ${show(parent)}`);
  if (afterFailure !== undefined && afterFailure !== "reject" && afterFailure !== "run")
    throw new TypeError(`${who} afterFailure must be "reject" or "run", got ${show(afterFailure)}`);
}

function resolveParents(nodes: readonly BatchNode[]): number[][] {
  const byName = new Map<string, number>();
  for (const [index, { name }] of nodes.entries()) {
    if (name === undefined) continue;
    if (byName.has(name)) throw new TypeError(`the batch has two calls named ${name}`);
    byName.set(name, index);
  }
  return nodes.map(({ name, after = [] }, index) =>
    [...new Set(after)].map((parent) => {
      const found = byName.get(parent);
      if (found !== undefined) return found;
      const who = name ?? `call ${index}`;
      const known = byName.size > 0 ? suggestNames(parent, byName.keys()) : "No call of the batch has a name.";
      throw new TypeError(`${who} comes after ${parent}, and the batch has no call of that name. ${known}`);
    }),
  );
}

/** Kahn, "Topological sorting of large networks", 1962: what cannot be sorted holds a cycle. */
function refuseCycle(
  parents: readonly number[][],
  children: readonly number[][],
  nameOf: (index: number) => string,
): void {
  const open = parents.map((its) => its.length);
  const sorted = [...open.keys()].filter((index) => open[index] === 0);
  for (const index of sorted) {
    for (const child of children[index] ?? []) {
      open[child] = (open[child] ?? 0) - 1;
      if (open[child] === 0) sorted.push(child);
    }
  }
  if (sorted.length === parents.length) return;
  // From any call that is left, going to a parent that is left ends in the cycle: each of them has one.
  const isLeft = (index: number): boolean => (open[index] ?? 0) > 0;
  const trail: number[] = [];
  let at = [...open.keys()].find(isLeft);
  while (at !== undefined && !trail.includes(at)) {
    trail.push(at);
    at = parents[at]?.find(isLeft);
  }
  const cycle = trail
    .slice(trail.indexOf(at as number))
    .reverse()
    .map(nameOf);
  throw new TypeError(`the batch has a cycle: ${[...cycle, cycle[0]].join(" → ")}`);
}
