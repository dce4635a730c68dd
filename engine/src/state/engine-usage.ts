import { closedBreaker, moveBreaker } from "./breaker.ts";
import type { AdmittedEntry, EndedEntry, RetriedEntry, RunClosedEntry, UsedTool } from "./entry.ts";
import { Ledger } from "./ledger.ts";
import type { StoredEnding } from "./stored-ending.ts";
import { type ToolUsage, UsageByTool } from "./tool-usage.ts";

/** What all calls of one engine have used, by tool. */
export class EngineUsage {
  readonly #tools = new UsageByTool();
  /** Of calls outside any run that have an idempotency key. */
  readonly ledger = new Ledger<StoredEnding>();

  of(tool: string): ToolUsage {
    return this.#tools.of(tool);
  }

  admitted(entry: AdmittedEntry): void {
    const { tool, atMs, rate, probe } = entry;
    if (isKeyedOutsideRuns(entry)) this.ledger.begin(entry.call, entry);
    this.#tools.admitted(tool, atMs, rate);
    if (probe) this.#tools.setBreaker(tool, moveBreaker(this.of(tool).breaker, { type: "probed" }));
  }

  retried({ tool, rate }: AdmittedEntry, { atMs, started }: RetriedEntry): void {
    if (started) this.#tools.retried(tool, atMs, rate);
  }

  ended(admitted: AdmittedEntry, ended: EndedEntry): void {
    const { started, failed, atMs } = ended;
    if (isKeyedOutsideRuns(admitted)) this.ledger.end(ended.call, ended.trace, ended.stored ?? null);
    const { tool, breakerLimit, probe, rate } = admitted;
    this.#tools.ended(tool, started, rate === null ? null : admitted.atMs);
    if (breakerLimit === null) return;
    const { breaker } = this.of(tool);
    // What was admitted before it opened says nothing about whether the tool works again.
    if (breaker.value === "halfOpen" && !probe) return;
    if (!started && !probe) return;
    const event = failed ? ({ type: "failed", atMs, limit: breakerLimit } as const) : ({ type: "succeeded" } as const);
    this.#tools.setBreaker(tool, moveBreaker(breaker, started ? event : { type: "untried" }));
  }

  get bodiesByTool(): Map<string, number> {
    return this.#tools.bodiesByTool;
  }

  /** Adds what was used before, as {@link usedBy} wrote it down. */
  closed({ tools }: RunClosedEntry): void {
    for (const [tool, used] of Object.entries(tools)) this.#tools.add(tool, used);
  }

  /** What these bodies add to the engine's counts, with what else must be known of their tools when it is read back. */
  usedBy(bodies: ReadonlyMap<string, number>): Readonly<Record<string, UsedTool>> {
    const used = [...bodies].map(([tool, count]): [string, UsedTool] => {
      const { startsMs, breaker } = this.of(tool);
      const { failures, openedAtMs } = breaker.context;
      return [
        tool,
        {
          bodies: count,
          ...(startsMs.length > 0 ? { startsMs } : {}),
          ...(breaker === closedBreaker ? {} : { breaker: { state: breaker.value, failures, openedAtMs } }),
        },
      ];
    });
    return Object.fromEntries(used);
  }
}

/** Whether the engine's ledger has it, not a run's. */
export function isKeyedOutsideRuns({ run, idempotencyKey }: AdmittedEntry): boolean {
  return run === undefined && idempotencyKey !== undefined;
}
