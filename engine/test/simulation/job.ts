import type { Flight } from "../../src/scheduling/single-flight.ts";
import type { Waiting } from "../../src/scheduling/wait-for-permits.ts";
import type { Ledger, LedgerCall } from "../../src/state/ledger.ts";
import type { RefereedCall } from "./referee.ts";
import type { SimulatedTool } from "./world.ts";

export interface Run {
  /** Its place among those that run at once; another follows when it has ended. */
  readonly id: number;
  readonly serial: number;
  readonly ledger: Ledger<string>;
  readonly repeatable: { readonly tool: SimulatedTool; readonly input: number; readonly requestId: string }[];
  live: number;
  bursts: number;
}

/** A call as its caller sees it; the body may be shared with others. */
export interface Caller {
  readonly call: RefereedCall;
  readonly run: Run;
  readonly settled: (outcome: string) => void;
  flight: Flight<Caller> | undefined;
}

/** The attempts of one flight. */
export interface Job {
  readonly flight: Flight<Caller>;
  readonly body: RefereedCall;
  readonly tool: SimulatedTool;
  readonly run: Run;
  readonly fingerprint: string;
  readonly ledgerCall: LedgerCall;
  readonly parent: Job | undefined;
  readonly depth: number;
  readonly children: Set<Caller>;
  attempt: number;
  waiting: Pick<Waiting, "ticket" | "end"> | undefined;
  timers: { cancel(): void }[];
  isOver: boolean;
}

export interface SimulationReport {
  readonly calls: number;
  readonly bodies: number;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly longestWaitMs: number;
  readonly longestQueue: number;
  readonly simulatedMs: number;
  readonly digest: number;
}
