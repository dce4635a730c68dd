import { didNotStart, type Ending } from "../call/ending.ts";
import { labelOf } from "../call/label.ts";
import { durationsIn } from "../call/named-durations.ts";
import { hidesNothing } from "../call/redaction.ts";
import { isFailure, resultOf } from "../call/result.ts";
import { traceOf } from "../call/trace-of.ts";
import { effectOf } from "../policy/effect.ts";
import type { Policy } from "../policy/policy.ts";
import type { Call } from "../state/call.ts";
import type { AdmittedEntry, EndedEntry } from "../state/entry.ts";
import type { KeptResult } from "../state/kept-result.ts";
import type { SeenCall } from "../state/loop-history.ts";
import { storedEnding } from "../state/stored-ending.ts";
import type { ToolUsage } from "../state/tool-usage.ts";
import type { CallRequest } from "./call-request.ts";

const NOTHING: readonly string[] = Object.freeze([]);

/** What loop detection compares of a call; undefined where its input cannot be compared. */
export function seenCall(
  { tool, fingerprint, secrets }: Call,
  { input, names }: CallRequest,
  policy: Policy,
): SeenCall | undefined {
  if (fingerprint === null) return undefined;
  const redact = names && hidesNothing(names, policy.redact) ? NOTHING : policy.redact;
  let label = `${tool}(…)`;
  let namedMs: readonly number[] | undefined;
  try {
    label = labelOf(tool, input, redact, secrets);
    namedMs = durationsIn(input, redact);
  } catch {
    // a getter of the input throws now (`foundIn`)
  }
  return { tool, fingerprint, label, poller: policy.poller, readOnly: policy.readOnly, namedMs };
}

/** @param isAnswered a kept result answers it: neither a rate nor a breaker is concerned */
export function admittedEntry(
  call: Call,
  request: CallRequest,
  policy: Policy,
  seen: SeenCall | undefined,
  usage: ToolUsage,
  isAnswered: boolean,
): AdmittedEntry {
  const breakerLimit = isAnswered ? null : policy.maxConsecutiveFailures;
  return {
    type: "admitted",
    atMs: call.submittedAtMs,
    call: call.id,
    id: request.id,
    tool: call.tool,
    subject: call.subject,
    path: call.path,
    parent: call.parent?.id,
    placement: call.placement,
    timeoutMs: call.timeoutMs,
    withinMs: call.withinMs,
    fingerprint: call.fingerprint,
    effect: effectOf(policy),
    requestId: call.requestId,
    idempotencyKey: call.idempotencyKey,
    run: call.run?.id,
    agent: request.agent,
    agentName: request.agentName,
    task: request.task,
    turn: request.turn,
    seen,
    rate: isAnswered ? null : policy.rateLimit,
    answered: isAnswered ? true : undefined,
    breakerLimit,
    probe: breakerLimit !== null && usage.breaker.value === "open",
  };
}

/**
 * @param isWatched whether loops are looked for
 * @param result of a body that returned, if it was kept
 */
export function endedEntry(
  { id, requestId, idempotencyKey }: Call,
  ending: Ending,
  atMs: number,
  isWatched: boolean,
  result: KeptResult | undefined,
): EndedEntry {
  const trace = traceOf(ending);
  const isNamed = requestId !== undefined || idempotencyKey !== undefined;
  return {
    type: "ended",
    atMs,
    call: id,
    started: !didNotStart(ending) && ending.type !== "answered",
    failed: isFailure(ending),
    trace,
    result: isWatched ? resultOf(ending) : null,
    ...(isNamed && trace === "whole" ? { stored: storedEnding(ending, result) } : {}),
  };
}
