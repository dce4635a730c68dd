import { hash } from "node:crypto";
import { PREPARING } from "../call/describe.ts";
import type { Ending } from "../call/ending.ts";
import { fingerprint, isTooLarge, textHash } from "../call/fingerprint.ts";
import type { Job } from "../execution/python/job.ts";
import type { PythonPool } from "../execution/python/pool.ts";
import { type CallRequest, waitLeftMs } from "../pipeline/call-request.ts";
import type { EngineCore } from "../pipeline/core.ts";
import { quotasOf } from "../policy/quotas.ts";
import type { Call } from "../state/call.ts";
import { attemptTimeoutMs } from "../state/call.ts";
import type { Run } from "../state/run.ts";
import { formatDuration } from "../util/duration.ts";
import type { CallMessage } from "./messages.ts";
import type { Shared } from "./shared.ts";

const MAX_NAME_CHARACTERS = 1_000;

/** A call of a client that has no outcome yet. */
export interface CallEntry {
  readonly id: number;
  readonly call: Call;
  readonly core: EngineCore;
  /** Its client may not know yet that it was admitted, by an engine that was lost then: it asks again under the same number. */
  readonly isResumed?: boolean;
  /** Its client runs the body as soon as it is admitted. */
  readonly isAtOnce?: boolean;
  /** Since when its attempt waits for its turn; undefined once it has had it. */
  askedAtMs?: number | undefined;
  /** The pickled result or exception of a worker, on its way to the client. */
  body: Uint8Array | undefined;
  /** What runs in a worker, once it is known. */
  job?: { readonly load: string; readonly args: Uint8Array };
  /** The client has made the outcome itself, by what its admission said. */
  isQuiet?: boolean;
}

/** What a guest's call may not choose. */
export type Narrowed = Pick<CallRequest, "narrowing" | "endedBecause" | "timeoutMs" | "debug">;

/** @param id under which it may be asked for again; none if nobody will */
export function callRequest(
  message: CallMessage,
  id: number | undefined,
  run: Run | undefined,
  parent: Call | undefined,
  key: string,
  narrowed: Partial<Narrowed> = {},
): CallRequest {
  const tool = boundedName(message.tool);
  const input = message.input === undefined || isTooLarge(message.input) ? undefined : message.input;
  return {
    id,
    tool,
    input,
    given: input === undefined ? message.input : undefined,
    secrets: message.secrets,
    run,
    parent,
    agent: boundedName(message.agent),
    task: boundedName(message.task),
    agentName: message.agentName,
    turn: boundedName(message.turn),
    requestId: boundedName(message.requestId),
    // It may name an order, or a person: what is written down is its hash.
    idempotencyKey: message.idempotencyKey === undefined ? undefined : textHash(`${key}key ${message.idempotencyKey}`),
    subject: boundedName(message.subject),
    byCode: message.byCode,
    timeoutMs: message.timeoutMs,
    withinMs: message.withinMs,
    stuckBodies: message.stuckBodies,
    failedDependency: message.failedDependency,
    debug: message.debug,
    fingerprint: input === undefined ? null : fingerprint(tool, input, key),
    ...narrowed,
  };
}

/** Names are kept and written down: a very long one goes by its beginning and its hash. */
export function boundedName<Name extends string | undefined>(text: Name): Name | string {
  if (text === undefined || text.length <= MAX_NAME_CHARACTERS) return text;
  return `${text.slice(0, 100).toWellFormed()}… ${hash("sha256", text, "hex")}`;
}

/** An attempt of a call as a worker's pool takes it. */
export function jobOf(
  call: Call,
  attempt: number,
  key: string,
  args: Uint8Array,
  { clock }: Shared,
): Omit<Job, "given" | "begun" | "ended"> {
  const nowMs = clock.now();
  return {
    callId: call.id,
    attempt,
    key,
    args,
    waiting: ancestorsOf(call),
    timeoutMs: attemptTimeoutMs(call, nowMs),
    quotas: quotasOf(call.policy),
    stdout: call.policy?.workerStdout ?? "stderr",
    withinMs: call.withinMs === null ? null : Math.max(1, call.withinMs - (nowMs - call.submittedAtMs)),
    waitMs: waitLeftMs(call, nowMs),
  };
}

/** What the end of its time in a worker says of a call that had used much of its time before. */
export function withPreparation(ending: Ending, { preparedMs, timeoutMs }: Call): Ending {
  if (timeoutMs === null || preparedMs < timeoutMs / 10) {
    return ending.type === "expired" ? { ...ending, observedMs: ending.observedMs + preparedMs } : ending;
  }
  if (ending.type === "expired") return { ...ending, observedMs: ending.observedMs + preparedMs, preparedMs };
  if (ending.type !== "not-started" || ending.waitedFor !== undefined) return ending;
  return { ...ending, waitedFor: `a worker that has loaded it, after ${formatDuration(preparedMs)} ${PREPARING}` };
}

/** Ends what runs of a call in a worker. @returns what is known of its body then */
export function cancelledEnding(call: Call, pool: PythonPool | undefined, detail: string): Ending {
  const inWorker = call.placement === "worker";
  const started = inWorker ? pool?.cancel(call.id) : call.state.type === "running";
  return { type: "cancelled", detail, body: !started ? "not-started" : inWorker ? "stopped" : "effect-unknown" };
}

/** Of a call whose engine was lost. @param mayHaveBegun in a worker of that engine */
export function lostEnding({ placement }: Call, mayHaveBegun: boolean): Ending {
  const started = placement === "host" || mayHaveBegun;
  return { type: "cancelled", detail: "its engine was lost", body: started ? "effect-unknown" : "not-started" };
}

/** The calls that wait for this one to end. */
function ancestorsOf(call: Call): string[] {
  const ids: string[] = [];
  for (let { parent } = call; parent; { parent } = parent) ids.push(parent.id);
  return ids;
}
