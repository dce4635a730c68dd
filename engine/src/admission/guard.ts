import type { Code } from "../call/codes.generated.ts";
import type { FailureFigures } from "../call/describe.ts";
import type { Policy } from "../policy/policy.ts";
import type { CallHistory } from "../run/history.ts";
import type { Usage } from "../run/usage.ts";

/** All that a guard may look at. Guards read; only admission writes. */
export interface AdmissionRequest {
  readonly tool: string;
  readonly policy: Policy;
  readonly path: readonly string[];
  readonly maxDepth: number;
  readonly fingerprint: string | null;
  /** Counts over the engine, and over the call's run if it has one. */
  readonly engineUsage: Usage;
  readonly runUsage: Usage | undefined;
  /** The loop history of the call's run, agent and task; none outside a run. */
  readonly history: CallHistory | undefined;
}

export interface Rejection {
  readonly code: Code;
  readonly figures: FailureFigures;
}

/** One reason to reject a call, decided from its request alone. */
export type Guard = (request: AdmissionRequest) => Rejection | undefined;
