import type { Outcome } from "../call/outcome.ts";
import type { Call } from "../state/call.ts";
import type { AnsweredBy } from "./engine-event.ts";

/** Told by the core what happens to its calls, once it has taken effect. Must not throw. */
export interface CallObserver {
  admitted(call: Call): void;
  /** It waits for its permits, or for a worker. */
  waits(call: Call): void;
  /** A body begins. */
  started(call: Call, attempt: number): void;
  /** An attempt failed, and another one follows after the delay. */
  retried(call: Call, attempt: number, delayMs: number): void;
  answered(call: Call, by: AnsweredBy): void;
  settled(call: Call, outcome: Outcome): void;
  agentEnded(run: string, agent: string | undefined, task: string | undefined, reason: string): void;
  runEnded(run: string, reason: string): void;
}

const nothing = (): void => undefined;

export const noObserver: CallObserver = {
  admitted: nothing,
  waits: nothing,
  started: nothing,
  retried: nothing,
  answered: nothing,
  settled: nothing,
  agentEnded: nothing,
  runEnded: nothing,
};
