import { codes } from "../call/codes.generated.ts";
import type { AdmittedEntry, AgentEndedEntry, EndedEntry, RejectedEntry, RetriedEntry } from "./entry.ts";
import { Ledger } from "./ledger.ts";
import { CallResults, LoopHistory, type LoopTicket } from "./loop-history.ts";
import type { StoredEnding } from "./stored-ending.ts";
import { UsageByTool } from "./tool-usage.ts";

/** Agents and tasks that one run keeps a loop history of; past them it forgets the one opened first. */
const MAX_HISTORIES = 1_000;

/** The tree of calls of one agent run: it owns budgets and loop history. */
export class Run {
  readonly id: string;
  readonly openedAtMs: number;
  readonly usage = new UsageByTool();
  readonly ledger = new Ledger<StoredEnding>();
  /** Bodies of all tools that were started, or may have been. */
  bodies = 0;
  failures = 0;
  /** Agents that were ended at a task. */
  endedAgents = 0;
  /** Why it takes no more calls; null while it does. */
  endedBecause: string | null = null;
  /** False where the engine was lost and what it had written of this run cannot be read. */
  isRemembered = true;
  #toolTimeMs = 0;
  #outermost = 0;
  #outermostSinceMs = 0;
  readonly #results = new CallResults();
  readonly #histories = new Map<string, LoopHistory>();

  constructor(id: string, openedAtMs: number) {
    this.id = id;
    this.openedAtMs = openedAtMs;
  }

  /** Loops are seen per agent and task: two agents may ask the same question. */
  history(agent: string | undefined, task: string | undefined): LoopHistory {
    const key = agent === undefined && task === undefined ? "" : JSON.stringify([agent ?? null, task ?? null]);
    let history = this.#histories.get(key);
    if (!history) {
      history = new LoopHistory(key, this.#results);
      this.#histories.set(key, history);
      if (this.#histories.size > MAX_HISTORIES) {
        const [oldest] = this.#histories.keys();
        this.#histories.delete(oldest as string);
      }
    }
    return history;
  }

  /** What its outermost calls took, those in flight until now included. What they call lies within their time. */
  toolTimeMs(nowMs: number): number {
    return this.#toolTimeMs + this.#outermost * nowMs - this.#outermostSinceMs;
  }

  /** @returns what its ending will need, if loops are looked for */
  admitted(entry: AdmittedEntry): LoopTicket | undefined {
    this.usage.admitted(entry.tool, entry.atMs, null);
    this.ledger.begin(entry.call, entry);
    this.bodies += 1;
    if (entry.parent === undefined) {
      this.#outermost += 1;
      this.#outermostSinceMs += entry.atMs;
    }
    return entry.seen && this.history(entry.agent, entry.task).admitted(entry.seen, entry.turn, entry.atMs);
  }

  retried({ tool }: AdmittedEntry, { atMs, started }: RetriedEntry): void {
    if (!started) return;
    this.usage.retried(tool, atMs, null);
    this.bodies += 1;
  }

  ended(admitted: AdmittedEntry, ended: EndedEntry, ticket: LoopTicket | undefined): void {
    this.usage.ended(admitted.tool, ended.started, null);
    this.ledger.end(ended.call, ended.trace, ended.stored ?? null);
    if (!ended.started) this.bodies -= 1;
    if (ended.failed) this.failures += 1;
    if (admitted.parent === undefined) {
      this.#outermost -= 1;
      this.#outermostSinceMs -= admitted.atMs;
      this.#toolTimeMs += ended.atMs - admitted.atMs;
    }
    if (!ticket) return;
    const history = this.history(admitted.agent, admitted.task);
    if (ended.result) history.ended(ticket, ended.result, ended.atMs);
    else if (ended.trace === "whole" && !ended.failed) history.learned();
  }

  agentEnded({ agent, task, reason }: AgentEndedEntry): void {
    this.history(agent, task).endedBecause = reason;
    this.endedAgents += 1;
  }

  rejected({ agent, task, seen, turn, code, atMs }: RejectedEntry): void {
    // What passes by itself is no reason to give up on an agent.
    this.history(agent, task).rejected(seen, turn, atMs, !codes[code].retryable, code === "call-cycle");
  }
}
