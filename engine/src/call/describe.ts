import { formatBytes, formatDuration } from "../util/duration.ts";
import { deepFreeze } from "../util/freeze.ts";
import { plainText } from "../util/plain-text.ts";
import { type Code, type CodeEntry, codes, type TextForModel } from "./codes.generated.ts";
import type { Ending, Excess, QuotaName } from "./ending.ts";
import type { CallFacts, CancelledBody, Crash, ErrorInfo, FailureStatus, Placement, Unsuccessful } from "./outcome.ts";

/** The figures that a code's texts name. */
export interface FailureFigures {
  readonly limit?: string;
  readonly observed?: string;
  readonly detail?: string;
  readonly error?: ErrorInfo;
  readonly crash?: Crash;
  readonly body?: CancelledBody;
  readonly retryAfterMs?: number;
  /** Where the limit is, if not where the table says. */
  readonly option?: string;
}

/** Of one value in a text: names and details can be somebody else's. */
const MAX_VALUE_CHARACTERS = 12_000;

/** What is known of the effect of a call's body beside how it ended. */
export interface KnownEffect {
  /** A second body with this input would do no harm. */
  readonly isRepeatable: boolean;
}

/** Fills `{tool}`, `{limit}`, `{observed}`, `{detail}`, `{retryAfter}` and `{orWait}` of a text from codes.json. */
export function render(text: string, values: Readonly<Record<string, string | undefined>>): string {
  return text.replace(/\{(\w+)\}/g, (hole, name: string) => {
    const value = values[name];
    return value === undefined ? hole : plainText(value, MAX_VALUE_CHARACTERS);
  });
}

/** Builds the frozen outcome of a call that did not succeed, from the one table of codes. */
export function failureOutcome(
  code: Code,
  facts: CallFacts,
  placement: Placement,
  figures: FailureFigures = {},
  rest: Partial<Pick<Unsuccessful, "notice" | "observed" | "maxResultBytes">> = {},
  { isRepeatable }: KnownEffect = { isRepeatable: false },
): Unsuccessful {
  const entry: CodeEntry = codes[code];
  const values = {
    tool: facts.tool,
    limit: figures.limit,
    observed: figures.observed,
    detail: figures.detail,
    retryAfter: formatDuration(Math.ceil(figures.retryAfterMs ?? 0)),
    orWait: waitingIsPossible(figures.retryAfterMs),
  };
  const text = textByWhatIsKnown(entry, facts.attempts > 0, isRepeatable);
  const forModel = typeof text === "string" ? text : text[placement];
  const option = figures.option ?? entry.option;
  return deepFreeze({
    status: entry.status as FailureStatus,
    ...facts,
    placement,
    notice: null,
    observed: [],
    maxResultBytes: null,
    ...rest,
    failure: {
      code,
      message: render(entry.message, values),
      forModel: render(forModel, values),
      retryable: entry.retryable,
      ...(option === undefined ? {} : { option }),
      ...facts,
      ...(figures.error ? { error: figures.error } : {}),
      ...(figures.crash ? { crash: figures.crash } : {}),
      ...(figures.body ? { body: figures.body } : {}),
      ...(figures.retryAfterMs ? { retryAfterMs: figures.retryAfterMs } : {}),
    },
  });
}

/** For a call that repeats itself: whoever waits for a change does nothing wrong. */
function waitingIsPossible(retryAfterMs: number | undefined): string {
  return retryAfterMs ? ` If you wait for a change, call it again in ${formatDuration(Math.ceil(retryAfterMs))}.` : "";
}

function textByWhatIsKnown(entry: CodeEntry, hasStarted: boolean, isRepeatable: boolean): TextForModel {
  if (!hasStarted && entry.forModelNotStarted !== undefined) return entry.forModelNotStarted;
  return (isRepeatable ? entry.forModelRepeatable : undefined) ?? entry.forModel;
}

export const PREPARING = "to make its tool and input ready for a worker";

type FailedEnding = Exclude<Ending, { readonly type: "returned" | "answered" }>;

function observedTime({ observedMs, preparedMs }: Extract<Ending, { type: "expired" }>): string {
  const observed = formatDuration(observedMs);
  return preparedMs === undefined ? observed : `${observed} (${formatDuration(preparedMs)} of it ${PREPARING})`;
}

/** The code and the figures of an ending that is not a success. */
export function describeEnding(ending: FailedEnding, timeoutMs: number | null): [Code, FailureFigures] {
  switch (ending.type) {
    case "shared":
      return describeEnding(ending.ending as FailedEnding, timeoutMs);
    case "raised":
      return [
        "tool-error",
        {
          detail: summarize(ending.error),
          error: ending.error,
          ...(ending.crash ? { crash: { signal: ending.crash.signal, exitCode: ending.crash.exitCode } } : {}),
        },
      ];
    case "expired":
      return ["timed-out", { limit: formatDuration(timeoutMs ?? ending.observedMs), observed: observedTime(ending) }];
    case "not-started":
      return [
        "wait-timed-out",
        {
          limit: formatDuration(ending.limitMs),
          observed: formatDuration(ending.waitedMs),
          detail: ending.waitedFor ?? "its turn or a worker that has loaded it",
        },
      ];
    case "effect-unknown":
      return ["effect-unknown", { detail: ending.earlier }];
    case "deadlocked":
      return ["deadlock", { detail: ending.caps.join(", ") }];
    case "not-run":
      return ["cancelled", { detail: `no body ran: ${ending.detail}`, body: "not-started" }];
    case "invalid":
      return ["invalid-input", { detail: ending.detail }];
    case "load-failed":
      return ["tool-load-failed", { detail: whereTraced(ending.error), error: ending.error }];
    case "cannot-move":
      return ["cannot-move", { detail: ending.detail }];
    case "crashed":
      return [
        "worker-crashed",
        { detail: describeCrash(ending), crash: { signal: ending.signal, exitCode: ending.exitCode } },
      ];
    case "over-quota":
      return [QUOTA_CODES[ending.quota], describeExcess(ending)];
    case "memory-pressure":
      return [
        "memory-pressure",
        { observed: formatBytes(ending.observedBytes), limit: formatBytes(ending.shareBytes) },
      ];
    case "too-large":
      return [
        "too-large",
        { detail: ending.part, observed: formatBytes(ending.observedBytes), limit: formatBytes(ending.limitBytes) },
      ];
    case "cancelled":
      return [
        "cancelled",
        {
          detail: `${ending.detail}: ${KNOWN_OF_BODY[ending.body]}`,
          body: ending.body,
          ...(ending.error ? { error: ending.error } : {}),
        },
      ];
  }
}

const KNOWN_OF_BODY: Readonly<Record<CancelledBody, string>> = {
  "not-started": "its body was not started",
  stopped: "its body was stopped, and may have had effects before",
  finished: "its body ran to its end all the same, so its effects have happened",
  "effect-unknown": "its body may still be running, and may have had effects",
};

const QUOTA_CODES: Readonly<Record<QuotaName, Code>> = {
  cpu: "cpu-quota",
  memory: "memory-quota",
  processes: "process-quota",
  output: "output-quota",
};

function describeExcess({ quota, observed, limit }: Excess): FailureFigures {
  const format = quota === "cpu" ? formatDuration : quota === "processes" ? String : formatBytes;
  return { limit: format(limit), observed: format(observed) };
}

function summarize(error: ErrorInfo): string {
  return error.message === "" ? error.name : `${error.name}: ${error.message}`;
}

function describeCrash(crash: Crash): string {
  if (crash.because !== undefined) return crash.because;
  if (crash.signal !== null) return `signal ${crash.signal}`;
  if (crash.exitCode !== null) return `exit code ${crash.exitCode}`;
  return "its process is gone";
}

function whereTraced(error: ErrorInfo): string {
  return error.stack ? `${summarize(error)}; the traceback is in error.stack` : summarize(error);
}
