import { hidesNothing, secretsOf } from "../call/redaction.ts";
import { type Encoded, foundIn } from "../call/values.ts";
import { timeLeftMs } from "../guards/budgets.ts";
import type { Policy } from "../policy/policy.ts";
import { attemptTimeoutMs, type Call } from "../state/call.ts";
import type { AdmittedEntry } from "../state/entry.ts";
import type { Run } from "../state/run.ts";

/** What a door knows of a call when it submits it. */
export interface CallRequest {
  readonly tool: string;
  readonly fingerprint: string | null;
  /** For the names in messages; the engine does not keep it. */
  readonly input?: Encoded | undefined;
  /** The names of all its fields, in lists, where they are known. */
  readonly names?: readonly (readonly string[])[] | undefined;
  /** Where it has no encoding, or is too large to be read in whole: as it was given. */
  readonly given?: unknown;
  /** Where neither is known: its values that are to be written nowhere, longest first. */
  readonly secrets?: readonly string[] | undefined;
  /** The client's number of the call. */
  readonly id?: number | undefined;
  readonly run?: Run | undefined;
  /** The call whose body makes this one. */
  readonly parent?: Call | undefined;
  /** Loops are seen per run, agent and task. */
  readonly agent?: string | undefined;
  readonly task?: string | undefined;
  /** The name by which the engine's `agents` option knows the agent; if none is given, its `agent`. */
  readonly agentName?: string | undefined;
  /** Names one answer of the model: rejections of one turn count once towards the end of the run. */
  readonly turn?: string | undefined;
  /** The framework's own id of the request: the same again, with the same input, is the framework's repetition, not the model's. */
  readonly requestId?: string | undefined;
  /** The application's word that calls with this key are one, in their run, or where they have none, in the engine. */
  readonly idempotencyKey?: string | undefined;
  /** Whom a delegating tool delegates to. */
  readonly subject?: string | undefined;
  /** Code asks by itself, not a model: its repetitions are its own business. */
  readonly byCode?: boolean | undefined;
  /** Overrides the tool's timeout; null is no deadline. */
  readonly timeoutMs?: number | null | undefined;
  /** The caller itself ends by then: the smaller of it and the timeout holds. */
  readonly withinMs?: number | undefined;
  /** Bodies of the tool on the host that have not stopped although their calls have their outcomes. */
  readonly stuckBodies?: number | undefined;
  /** The call of its batch that it comes after and that did not succeed: it is rejected. */
  readonly failedDependency?: string | undefined;
  /** Somebody is stepping through the body: it runs on the host and has no deadline. */
  readonly debug?: boolean | undefined;
  /** Of a caller who can only narrow: bounds beside those of the tool. */
  readonly narrowing?: Partial<Policy> | undefined;
  /** Why its caller may call no more in this run, which for others goes on. */
  readonly endedBecause?: string | undefined;
}

const NO_SECRETS: readonly string[] = Object.freeze([]);

/** The values of the input that are to be written nowhere. */
export function secretsIn(
  { input, names, given, secrets }: Pick<CallRequest, "input" | "names" | "given" | "secrets">,
  policy: Policy,
): readonly string[] {
  if (names && hidesNothing(names, policy.redact)) return NO_SECRETS;
  return secrets ?? foundIn(() => secretsOf(input === undefined ? given : input, policy.redact), []);
}

/** The request as the tool's `once` has it: calls with one input are one. */
export function withOnceKey(request: CallRequest, policy: Policy | undefined): CallRequest {
  const { tool, fingerprint, idempotencyKey } = request;
  if (!policy?.once || idempotencyKey !== undefined || fingerprint === null) return request;
  return { ...request, idempotencyKey: `once ${tool} ${fingerprint}` };
}

/** A call as it is submitted. `policy` is undefined where there is no such tool. */
export function newCall(id: string, request: CallRequest, policy: Policy | undefined, nowMs: number): Call {
  return {
    id,
    tool: request.tool,
    subject: request.subject,
    parent: request.parent,
    run: request.run,
    policy,
    path: request.parent ? [...request.parent.path, request.tool] : [request.tool],
    placement: request.debug ? "host" : (policy?.placement ?? "host"),
    timeoutMs: policy ? effectiveTimeout(policy, request, nowMs) : null,
    withinMs: request.debug ? null : (request.withinMs ?? null),
    byCode: request.byCode ?? false,
    debug: request.debug ?? false,
    requestId: request.requestId,
    idempotencyKey: request.idempotencyKey,
    secrets: policy ? secretsIn(request, policy) : NO_SECRETS,
    fingerprint: request.fingerprint,
    submittedAtMs: nowMs,
    preparedMs: 0,
    startedAtMs: undefined,
    state: { type: "submitted" },
  };
}

/** A call that was admitted by an engine that is lost. Its tool's own limits are not known yet. */
export function resumedCall(
  entry: AdmittedEntry,
  parent: Call | undefined,
  run: Run | undefined,
  policy: Policy,
): Call {
  const { call: id, tool, subject, path, placement, timeoutMs, withinMs, fingerprint, atMs } = entry;
  const { requestId, idempotencyKey } = entry;
  const state = { type: "submitted" } as const;
  return {
    ...{ id, tool, subject, parent, run, policy, path, placement, timeoutMs, withinMs, fingerprint },
    ...{ requestId, idempotencyKey },
    secrets: [], // its input is not written down: its client tells them
    submittedAtMs: atMs,
    preparedMs: 0,
    startedAtMs: undefined,
    byCode: false,
    debug: false,
    state,
  };
}

function effectiveTimeout(policy: Policy, request: CallRequest, nowMs: number): number | null {
  if (request.debug) return null;
  const timeoutMs = request.timeoutMs === undefined ? policy.timeoutMs : request.timeoutMs;
  const runMs = request.run && policy.mode === "enforce" ? timeLeftMs(request.run, policy, nowMs) : null;
  return smallest(timeoutMs, runMs, request.withinMs ?? null);
}

/** The timeout of an admitted call that may start only now. */
export function timeoutAfterWait(
  { timeoutMs, withinMs, submittedAtMs, run, policy, debug }: Call,
  nowMs: number,
): number | null {
  if (debug) return null;
  const runMs = run && policy?.mode === "enforce" ? timeLeftMs(run, policy, nowMs) : null;
  return smallest(timeoutMs, runMs, withinMs === null ? null : withinMs - (nowMs - submittedAtMs));
}

/**
 * How long a call whose turn has come may still wait for a worker: its policy's `waitTimeout` counts from its admission, and its caller and its
 * run end by their own. A further attempt lies within the call's one timeout. Null is for ever.
 */
export function waitLeftMs(call: Call, nowMs: number): number | null {
  const { policy, run, withinMs, submittedAtMs } = call;
  if (!policy || call.debug) return null;
  const waitedMs = nowMs - submittedAtMs;
  const isFirst = call.startedAtMs === undefined;
  const ownMs = !isFirst || policy.waitTimeoutMs === null ? policy.waitTimeoutMs : policy.waitTimeoutMs - waitedMs;
  const attemptMs = isFirst ? null : attemptTimeoutMs(call, nowMs);
  const runMs = run && policy.mode === "enforce" ? timeLeftMs(run, policy, nowMs) : null;
  const bounds = [ownMs, attemptMs, runMs, withinMs === null ? null : withinMs - waitedMs].filter((ms) => ms !== null);
  return bounds.length === 0 ? null : Math.max(1, Math.min(...bounds));
}

function smallest(timeoutMs: number | null, runMs: number | null, withinMs: number | null): number | null {
  let bound = timeoutMs;
  if (runMs !== null && (bound === null || runMs < bound)) bound = runMs;
  if (withinMs !== null && (bound === null || withinMs < bound)) bound = withinMs;
  // A caller whose time is over still gives the body an instant, and an outcome that says what happened.
  return bound === null || bound === timeoutMs ? timeoutMs : Math.max(1, bound);
}
