import type { EngineEvent, Settlement } from "./engine-event.ts";
import { Histogram, type Percentiles } from "./histogram.ts";

/** Figures of one tool since the engine began. Durations in milliseconds. */
export interface ToolStats {
  /** Calls that have their outcome. */
  readonly calls: number;
  readonly bodies: number;
  /** Calls that were answered without a body. */
  readonly answered: number;
  readonly byStatus: Readonly<Partial<Record<Settlement["status"], number>>>;
  readonly byCode: Readonly<Record<string, number>>;
  /** From submission to the start of the body, of calls whose body started. */
  readonly waitMs: Percentiles;
  /** From the start of the body to the outcome. */
  readonly runMs: Percentiles;
}

export interface StatsSnapshot {
  readonly total: ToolStats;
  readonly tools: Readonly<Record<string, ToolStats>>;
}

/** Tools with figures of their own; names past it, which only models can make up in such numbers, count in the total. */
const MAX_TOOLS = 1_000;

/** Counts what the events of an engine say. Its memory is bounded, whatever happens and for however long. */
export class CallStats {
  readonly #total = new Counts();
  readonly #tools = new Map<string, Counts>();

  /** Takes an event in. */
  add(event: EngineEvent): void {
    if (event.type !== "call-settled" && event.type !== "call-answered") return;
    this.#total.add(event);
    let tool = this.#tools.get(event.tool);
    if (!tool && this.#tools.size < MAX_TOOLS) {
      tool = new Counts();
      this.#tools.set(event.tool, tool);
    }
    tool?.add(event);
  }

  get snapshot(): StatsSnapshot {
    return {
      total: this.#total.snapshot,
      tools: Object.fromEntries([...this.#tools].map(([name, counts]) => [name, counts.snapshot])),
    };
  }
}

class Counts {
  #calls = 0;
  #bodies = 0;
  #answered = 0;
  readonly #byStatus = new Map<Settlement["status"], number>();
  readonly #byCode = new Map<string, number>();
  readonly #waitMs = new Histogram();
  readonly #runMs = new Histogram();

  add(event: EngineEvent & { readonly type: "call-settled" | "call-answered" }): void {
    if (event.type === "call-answered") {
      this.#answered++;
      return;
    }
    const { status, code, waitedMs, ranMs, attempts } = event;
    this.#calls++;
    this.#bodies += attempts;
    this.#byStatus.set(status, (this.#byStatus.get(status) ?? 0) + 1);
    if (code !== null) this.#byCode.set(code, (this.#byCode.get(code) ?? 0) + 1);
    if (ranMs === null) return;
    this.#waitMs.add(waitedMs);
    this.#runMs.add(ranMs);
  }

  get snapshot(): ToolStats {
    return {
      calls: this.#calls,
      bodies: this.#bodies,
      answered: this.#answered,
      byStatus: Object.fromEntries(this.#byStatus),
      byCode: Object.fromEntries(this.#byCode),
      waitMs: this.#waitMs.percentiles,
      runMs: this.#runMs.percentiles,
    };
  }
}
