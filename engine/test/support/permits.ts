import type { Ticket } from "../../src/scheduling/lane.ts";
import { Permits } from "../../src/scheduling/permits.ts";

export const NO_CAP = { maxConcurrent: null, resources: [] } as const;

export const isRunning = (ticket: Ticket): boolean => ticket.state.type === "granted";

export const statesOf = (tickets: readonly Ticket[]): string[] => tickets.map(({ state }) => state.type);

/** Permits, and the names of the calls that got theirs, in order. */
export function permitsOf(maxConcurrent: number | null, resources: Record<string, number> = {}, patience?: number) {
  const permits = new Permits({ maxConcurrent, resources }, patience);
  const started: string[] = [];
  const need = (tool: string, options: { maxConcurrent?: number; resources?: string[] } = {}) =>
    permits.need({ tool, ...NO_CAP, ...options });
  const call = (name: string, its = need(name), run: unknown = undefined, parent?: Ticket): Ticket => {
    const ticket = permits.request({ need: its, run, parent, granted: () => started.push(name) });
    if (isRunning(ticket)) started.push(name);
    return ticket;
  };
  return { permits, need, call, started };
}
