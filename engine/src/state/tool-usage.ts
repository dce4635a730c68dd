import type { Rate } from "../policy/options.generated.ts";
import { type Breaker, breakerIn, closedBreaker } from "./breaker.ts";
import type { UsedTool } from "./entry.ts";

/** What the calls of one tool have used: over an engine, or within one run. */
export interface ToolUsage {
  /** Bodies that were started, or may have been. */
  readonly bodies: number;
  /** Calls without an outcome. */
  readonly inFlight: number;
  /** When the last bodies were admitted, oldest first: as many as the tool's rate limit counts. */
  readonly startsMs: readonly number[];
  readonly breaker: Breaker;
}

interface Mutable {
  bodies: number;
  inFlight: number;
  startsMs: number[];
  breaker: Breaker;
}

const NONE: ToolUsage = Object.freeze({ bodies: 0, inFlight: 0, startsMs: [], breaker: closedBreaker });

/** The usage of every tool in one scope. */
export class UsageByTool {
  readonly #tools = new Map<string, Mutable>();

  of(tool: string): ToolUsage {
    return this.#tools.get(tool) ?? NONE;
  }

  get bodiesByTool(): Map<string, number> {
    return new Map([...this.#tools].map(([tool, { bodies }]) => [tool, bodies]));
  }

  admitted(tool: string, atMs: number, rate: Rate | null): void {
    const usage = this.#mutable(tool);
    usage.bodies += 1;
    usage.inFlight += 1;
    if (rate === null) return;
    usage.startsMs.push(atMs);
    while (usage.startsMs.length > rate.starts) usage.startsMs.shift();
  }

  /** One more body of a call that is in flight. */
  retried(tool: string, atMs: number, rate: Rate | null): void {
    this.admitted(tool, atMs, rate);
    this.#mutable(tool).inFlight -= 1;
  }

  /**
   * @param started whether a body was started, or may have been: if not, what was reserved is given back
   * @param startMs its start as it counts for the rate; null if it does not
   */
  ended(tool: string, started: boolean, startMs: number | null): void {
    const usage = this.#mutable(tool);
    usage.inFlight -= 1;
    if (started) return;
    usage.bodies -= 1;
    if (startMs === null) return;
    const start = usage.startsMs.lastIndexOf(startMs);
    if (start >= 0) usage.startsMs.splice(start, 1);
  }

  /** Adds what was used before this scope was opened. */
  add(tool: string, { bodies, startsMs, breaker }: UsedTool): void {
    const usage = this.#mutable(tool);
    usage.bodies += bodies;
    if (startsMs) usage.startsMs = [...startsMs];
    if (breaker) usage.breaker = breakerIn(breaker.state, breaker.failures, breaker.openedAtMs);
  }

  setBreaker(tool: string, breaker: Breaker): void {
    this.#mutable(tool).breaker = breaker;
  }

  #mutable(tool: string): Mutable {
    let usage = this.#tools.get(tool);
    if (!usage) {
      usage = { bodies: 0, inFlight: 0, startsMs: [], breaker: closedBreaker };
      this.#tools.set(tool, usage);
    }
    return usage;
  }
}
