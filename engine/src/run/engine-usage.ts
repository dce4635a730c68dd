import { moveBreaker } from "./breaker.ts";
import type { AdmittedEntry, EndedEntry } from "./entry.ts";
import { type ToolUsage, UsageByTool } from "./tool-usage.ts";

/** What all calls of one engine have used, by tool. */
export class EngineUsage {
  readonly #tools = new UsageByTool();

  of(tool: string): ToolUsage {
    return this.#tools.of(tool);
  }

  admitted({ tool, atMs, rate, probe }: AdmittedEntry): void {
    this.#tools.admitted(tool, atMs, rate);
    if (probe) this.#tools.setBreaker(tool, moveBreaker(this.of(tool).breaker, { type: "probed" }));
  }

  ended({ tool, atMs: admittedAtMs, breakerLimit, probe }: AdmittedEntry, { started, failed, atMs }: EndedEntry): void {
    this.#tools.ended(tool, started, admittedAtMs);
    if (breakerLimit === null) return;
    const { breaker } = this.of(tool);
    // What was admitted before it opened says nothing about whether the tool works again.
    if (breaker.value === "halfOpen" && !probe) return;
    if (!started && !probe) return;
    const event = failed ? ({ type: "failed", atMs, limit: breakerLimit } as const) : ({ type: "succeeded" } as const);
    this.#tools.setBreaker(tool, moveBreaker(breaker, started ? event : { type: "untried" }));
  }

  /** Adds what a run used that is over. */
  add(bodies: Readonly<Record<string, number>>): void {
    for (const [tool, count] of Object.entries(bodies)) this.#tools.add(tool, count);
  }
}
