import type { CancelledBody, Crash, ErrorInfo } from "./outcome.ts";

export type QuotaName = "cpu" | "memory" | "processes" | "output";

/** Which quota a call passed: in ms, bytes or processes. */
export interface Excess {
  readonly quota: QuotaName;
  readonly observed: number;
  readonly limit: number;
}

/**
 * How an admitted call ended, as whoever carried it out reports it. `digest` and `preview` stand for the result in
 * loop detection and in texts for the model: the engine does not see the values of Python's calls.
 */
export type Ending =
  | { readonly type: "returned"; readonly digest: string | null; readonly preview: string | null }
  /** `crash` where it was a process that failed: its exit code. `digest` of its message, where not all of that may be written down. */
  | { readonly type: "raised"; readonly error: ErrorInfo; readonly crash?: Crash; readonly digest?: string }
  /** `preparedMs`: what of it went into making it ready for a worker, where that was much. */
  | { readonly type: "expired"; readonly observedMs: number; readonly preparedMs?: number }
  /** Its time for waiting was over before it was its turn, or a worker was ready. */
  | { readonly type: "not-started"; readonly waitedMs: number; readonly limitMs: number; readonly waitedFor?: string }
  /** While it waited, the call `earlier` with its input ended, and it is not known what that one did. */
  | { readonly type: "effect-unknown"; readonly earlier: string }
  /** It would have waited for ever: `caps` is what the calls that wait for it hold. */
  | { readonly type: "deadlocked"; readonly caps: readonly string[] }
  /** Answered without a body: from a framework's cache, which the host tells, or `by` the engine itself. */
  | {
      readonly type: "answered";
      readonly digest: string | null;
      readonly preview: string | null;
      readonly by?: "cache" | "flight" | "ledger";
    }
  /** The body of an identical call, which this one waited for instead of running its own, ended so. */
  | { readonly type: "shared"; readonly ending: Ending }
  | { readonly type: "not-run"; readonly detail: string }
  | { readonly type: "invalid"; readonly detail: string }
  | { readonly type: "load-failed"; readonly error: ErrorInfo }
  | { readonly type: "cannot-move"; readonly detail: string; readonly started: boolean }
  | ({ readonly type: "crashed" } & Crash)
  /** Its processes were killed, since together they used more than a quota allows. */
  | ({ readonly type: "over-quota" } & Excess)
  /** The machine was about to run out of memory, and this call was furthest over its share. */
  | { readonly type: "memory-pressure"; readonly observedBytes: number; readonly shareBytes: number }
  | {
      readonly type: "too-large";
      readonly part: string;
      readonly observedBytes: number;
      readonly limitBytes: number;
      readonly started: boolean;
    }
  /** `error`: the reason that the caller gave, where it is known. */
  | {
      readonly type: "cancelled";
      readonly detail: string;
      readonly body: CancelledBody;
      readonly error?: ErrorInfo;
    };

/** Whether a body certainly did not start, so that what admission reserved is given back. */
export function didNotStart(ending: Ending): boolean {
  switch (ending.type) {
    case "not-run":
    case "not-started":
    case "shared":
    case "deadlocked":
    case "effect-unknown":
    case "invalid":
    case "load-failed":
      return true;
    case "cannot-move":
    case "too-large":
      return !ending.started;
    case "cancelled":
      return ending.body === "not-started";
    default:
      return false;
  }
}

/** Bodies that an attempt started. */
export function bodiesStarted(ending: Ending): number {
  switch (ending.type) {
    case "returned":
    case "raised":
    case "expired":
    case "crashed":
    case "over-quota":
    case "memory-pressure":
      return 1;
    case "cannot-move":
    case "too-large":
      return ending.started ? 1 : 0;
    case "cancelled":
      return ending.body === "not-started" ? 0 : 1;
    default:
      return 0;
  }
}
