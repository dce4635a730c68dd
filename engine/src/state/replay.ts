import { EngineUsage, isKeyedOutsideRuns } from "./engine-usage.ts";
import type { AdmittedEntry, EndedEntry, Entry, GivenEntry, RunOpenedEntry } from "./entry.ts";
import type { LoopTicket } from "./loop-history.ts";
import { Run } from "./run.ts";

/** A call that was admitted and whose ending was not written down. */
export interface OpenCall {
  readonly entry: AdmittedEntry;
  readonly ticket: LoopTicket | undefined;
  readonly attempt: number;
  /** The worker that its latest attempt was given to; undefined if that attempt was given to none. */
  readonly given: GivenEntry | undefined;
}

/** What an engine knew, as its journal tells. */
export interface Remembered {
  readonly usage: EngineUsage;
  readonly runs: ReadonlyMap<string, Run>;
  /** By call id, in the order of their admission. */
  readonly open: ReadonlyMap<string, OpenCall>;
}

/** Rebuilds what an engine knew from its entries, by the code that applied them when they happened. */
export function replay(entries: Iterable<Entry>): Remembered {
  const usage = new EngineUsage();
  const runs = new Map<string, Run>();
  const open = new Map<string, OpenCall>();
  for (const entry of entries) {
    switch (entry.type) {
      case "run-opened":
        runs.set(entry.run, Object.assign(new Run(entry.run, entry.atMs), { isRemembered: !entry.forgotten }));
        break;
      case "admitted":
        usage.admitted(entry);
        open.set(entry.call, {
          entry,
          ticket: entry.run === undefined ? undefined : runs.get(entry.run)?.admitted(entry),
          attempt: 1,
          given: undefined,
        });
        break;
      case "retried": {
        const call = open.get(entry.call);
        if (!call) break;
        usage.retried(call.entry, entry);
        if (call.entry.run !== undefined) runs.get(call.entry.run)?.retried(call.entry, entry);
        open.set(entry.call, { ...call, attempt: entry.attempt, given: undefined });
        break;
      }
      case "given": {
        const call = open.get(entry.call);
        if (call) open.set(entry.call, { ...call, given: entry });
        break;
      }
      case "ended": {
        const call = open.get(entry.call);
        if (!call) break; // of a run whose journal is gone: it counts as it was written down when the run closed
        open.delete(entry.call);
        usage.ended(call.entry, entry);
        if (call.entry.run !== undefined) runs.get(call.entry.run)?.ended(call.entry, entry, call.ticket);
        break;
      }
      case "rejected":
        runs.get(entry.run)?.rejected(entry);
        break;
      case "agent-ended":
        runs.get(entry.run)?.agentEnded(entry);
        break;
      case "run-ended": {
        const run = runs.get(entry.run);
        if (run) run.endedBecause = entry.reason;
        break;
      }
      case "run-closed":
        usage.closed(entry);
        runs.delete(entry.run);
        break;
    }
  }
  for (const { entry, ticket } of [...open.values()]) {
    if (!entry.answered) continue;
    // Its engine was lost between the two entries. It is decided on anew when it is asked for again: no body was ever to run.
    open.delete(entry.call);
    const { atMs, call } = entry;
    const ended = { type: "ended", atMs, call, started: false, failed: false, trace: "none", result: null } as const;
    usage.ended(entry, ended);
    if (entry.run !== undefined) runs.get(entry.run)?.ended(entry, ended, ticket);
  }
  return { usage, runs, open };
}

/** Calls with an idempotency key that are remembered after they have ended. */
const MAX_KEYED = 1_000;

/**
 * Fewer entries that tell the same of calls outside any run: those that have ended become one count, but for the last 1,000 that have
 * an idempotency key.
 *
 * @param usage of the whole engine, now
 */
export function compacted(entries: readonly Entry[], usage: EngineUsage, atMs: number): Entry[] {
  const { usage: own, open } = replay(entries);
  const bodies = own.bodiesByTool;
  const stillOpen = [...open.values()].map(({ entry }) => entry);
  const attempts = [...open.values()].filter(({ attempt }) => attempt > 1);
  const keyed = endedKeyed(entries).slice(-MAX_KEYED);
  // Their bodies are counted as they are read back.
  for (const { tool } of stillOpen) bodies.set(tool, (bodies.get(tool) ?? 0) - 1);
  for (const [{ tool }, { started }] of keyed) if (started) bodies.set(tool, (bodies.get(tool) ?? 0) - 1);
  // The bodies before are in the count.
  const retried = attempts.map(({ entry: { call }, attempt }) => {
    return { type: "retried", atMs, call, attempt, started: false } as const;
  });
  return [
    ...keyed.flat(),
    ...stillOpen,
    ...retried,
    ...[...open.values()].flatMap(({ given }) => given ?? []),
    ...runsOpenIn(entries),
    ...entries.filter(({ type }) => type === "forgotten").slice(-1),
    { type: "run-closed", atMs, run: "", tools: usage.usedBy(bodies) },
  ];
}

/** Runs that were opened and not closed: each has a file of its own, which must be there. */
export function runsOpenIn(entries: readonly Entry[]): RunOpenedEntry[] {
  const open = new Map<string, RunOpenedEntry>();
  for (const entry of entries) {
    if (entry.type === "run-opened") open.set(entry.run, entry);
    else if (entry.type === "run-closed") open.delete(entry.run);
  }
  return [...open.values()];
}

/** Calls outside any run that have a key and have ended, in the order in which they did. */
function endedKeyed(entries: readonly Entry[]): [AdmittedEntry, EndedEntry][] {
  const admitted = new Map<string, AdmittedEntry>();
  const ended: [AdmittedEntry, EndedEntry][] = [];
  for (const entry of entries) {
    if (entry.type === "admitted" && isKeyedOutsideRuns(entry)) admitted.set(entry.call, entry);
    if (entry.type !== "ended" || entry.trace === "none") continue;
    const call = admitted.get(entry.call);
    if (call) ended.push([call, entry]);
  }
  return ended;
}
