import type { Settlement } from "./engine-event.ts";
import { Histogram, type Percentiles } from "./histogram.ts";

/** Figures of one tool since the engine began. Durations in milliseconds. */
export interface ToolStats {
  /** Calls that have their outcome. */
  readonly calls: number;
  readonly bodies: number;
  /** Calls that were answered without a body. */
  readonly answered: number;
  readonly byStatus: Readonly<Partial<Record<Settlement["status"], number>>>;
  /** Calls that did not succeed, by the code of their failure. */
  readonly byCode: Readonly<Record<string, number>>;
  /** From submission to the start of the body, of calls whose body started. */
  readonly waitMs: Percentiles;
  /** From the start of the body to the outcome. */
  readonly runMs: Percentiles;
}

export interface CallFigures {
  readonly total: ToolStats;
  readonly tools: Readonly<Record<string, ToolStats>>;
}

/** Tools with figures of their own; those past it count in the total. */
const MAX_TOOLS = 1_000;

/** Counts how calls end. Its memory is bounded, whatever happens and for however long. */
export class CallStats {
  readonly #others = new Counts();
  readonly #tools = new Map<string, Counts>();

  settled(tool: string, settlement: Settlement): void {
    // A model makes up the name of such a tool, and may put anything into it.
    (settlement.code === "unknown-tool" ? this.#others : this.#of(tool)).settled(settlement);
  }

  /** Without a body; its outcome is counted by `settled`. */
  answered(tool: string): void {
    this.#of(tool).answered++;
  }

  get figures(): CallFigures {
    const total = new Counts();
    for (const counts of [...this.#tools.values(), this.#others]) total.addAll(counts);
    return {
      total: total.figures,
      tools: Object.fromEntries([...this.#tools].map(([name, counts]) => [name, counts.figures])),
    };
  }

  #of(tool: string): Counts {
    let counts = this.#tools.get(tool);
    if (!counts) {
      if (this.#tools.size >= MAX_TOOLS) return this.#others;
      counts = new Counts();
      this.#tools.set(tool, counts);
    }
    return counts;
  }
}

class Counts {
  answered = 0;
  #calls = 0;
  #bodies = 0;
  readonly #byStatus = new Map<Settlement["status"], number>();
  readonly #byCode = new Map<string, number>();
  readonly #waitMs = new Histogram();
  readonly #runMs = new Histogram();

  settled({ status, code, waitedMs, ranMs, attempts }: Settlement): void {
    this.#calls++;
    this.#bodies += attempts;
    increase(this.#byStatus, status, 1);
    if (code !== null) increase(this.#byCode, code, 1);
    if (ranMs === null) return;
    this.#waitMs.add(waitedMs);
    this.#runMs.add(ranMs);
  }

  addAll(other: Counts): void {
    this.answered += other.answered;
    this.#calls += other.#calls;
    this.#bodies += other.#bodies;
    for (const [status, count] of other.#byStatus) increase(this.#byStatus, status, count);
    for (const [code, count] of other.#byCode) increase(this.#byCode, code, count);
    this.#waitMs.addAll(other.#waitMs);
    this.#runMs.addAll(other.#runMs);
  }

  get figures(): ToolStats {
    return {
      calls: this.#calls,
      bodies: this.#bodies,
      answered: this.answered,
      byStatus: Object.fromEntries(this.#byStatus),
      byCode: Object.fromEntries(this.#byCode),
      waitMs: this.#waitMs.percentiles,
      runMs: this.#runMs.percentiles,
    };
  }
}

function increase<Key>(counts: Map<Key, number>, key: Key, by: number): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}
