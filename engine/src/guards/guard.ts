import type { Code } from "../call/codes.generated.ts";
import type { FailureFigures } from "../call/describe.ts";
import type { Placement } from "../call/outcome.ts";
import type { Policy } from "../policy/policy.ts";
import type { Call } from "../state/call.ts";
import type { Ledger } from "../state/ledger.ts";
import type { LoopHistory } from "../state/loop-history.ts";
import type { Run } from "../state/run.ts";
import type { StoredEnding } from "../state/stored-ending.ts";
import type { ToolUsage } from "../state/tool-usage.ts";

/** All that a guard may look at. Guards read; only the core writes. */
export interface AdmissionRequest {
  readonly nowMs: number;
  readonly tool: string;
  /** Whom a delegating tool delegates to: re-entries count for each. */
  readonly subject: string | undefined;
  readonly policy: Policy;
  /** Where the body would run. */
  readonly placement: Placement;
  /** Bodies of the tool on the host that have not stopped although their calls have their outcomes. */
  readonly stuckBodies: number;
  /** The tools from the root to this call. */
  readonly path: readonly string[];
  /** The call whose body makes this one. */
  readonly parent: Call | undefined;
  readonly fingerprint: string | null;
  /** What the tool has used over the whole engine. */
  readonly usage: ToolUsage;
  /** When a call would have a chance again, if the machine is under pressure; else undefined. */
  readonly rejectsForMs: number | undefined;
  /** When it was found that what a lost engine had counted cannot be read; null where all is known. */
  readonly forgottenAtMs: number | null;
  /** Under an idempotency key, which outside any run is one of the whole engine. */
  readonly isKeyed: boolean;
  readonly run: Run | undefined;
  /** What the run knows of effects; none for code that repeats its calls by itself. */
  readonly ledger: Ledger<StoredEnding> | undefined;
  /** The loop history of the call's run, agent and task; none where loops are not looked for. */
  readonly history: LoopHistory | undefined;
  /** A kept result answers it: no body would run. */
  readonly isAnswered: boolean;
}

export interface Rejection {
  readonly code: Code;
  readonly figures: FailureFigures;
}

/** One reason to reject a call, decided from its request alone. */
export interface Guard {
  /** What it bounds: bodies, so that an answer without one passes, or every call. */
  readonly bounds: "calls" | "bodies";
  /** It is asked again before another body of a call that was admitted. */
  readonly retries?: true;
  readonly check: (request: AdmissionRequest) => Rejection | undefined;
}

/** One kind of loop: a reason to reject the call that goes on with it, and before that a text for the model. */
export interface LoopGuard extends Guard {
  /** Beside the result of a call, once its history knows it: a text for the model, or undefined. */
  notice(request: LoopNoticeRequest): string | undefined;
}

export interface LoopNoticeRequest {
  readonly tool: string;
  readonly policy: Policy;
  readonly fingerprint: string;
  readonly history: LoopHistory;
}

/** Closes a quoted text, so that what follows it reads as a sentence of its own. */
export function endSentence(text: string | null): string {
  if (text === null) return "not shown.";
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}
