import type { Policy } from "../policy/policy.ts";
import { ancestorGuard } from "./ancestors.ts";
import { budgetGuard } from "./budgets.ts";
import { callCycle } from "./call-cycle.ts";
import { depthGuard } from "./depth.ts";
import { effectGuard } from "./effect.ts";
import type { AdmissionRequest, Guard, LoopGuard, LoopNoticeRequest, Rejection } from "./guard.ts";
import { overloadGuard } from "./overload.ts";
import { agentEndedGuard, historyGuard, runEndedGuard } from "./run-ended.ts";
import { sameCall } from "./same-call.ts";
import { sameOutcome } from "./same-outcome.ts";
import { stuckGuard } from "./stuck.ts";
import { breakerGuard, inFlightGuard, rateLimitGuard, usageLimitGuard } from "./usage.ts";

const LOOP_GUARDS: readonly LoopGuard[] = [sameCall, callCycle, sameOutcome];

/** Final reasons first, passing ones last; the first that rejects decides. */
const GUARDS: readonly Guard[] = [
  runEndedGuard,
  agentEndedGuard,
  historyGuard,
  depthGuard,
  ancestorGuard,
  usageLimitGuard,
  budgetGuard,
  effectGuard,
  ...LOOP_GUARDS,
  stuckGuard,
  breakerGuard,
  rateLimitGuard,
  inFlightGuard,
  overloadGuard,
];

const ANSWER_GUARDS = GUARDS.filter(({ bounds }) => bounds === "calls");
const RETRY_GUARDS = GUARDS.filter(({ retries }) => retries);

/** Whether limits of bodies leave room for one more of a call. */
export function hasRoomForRetry(request: AdmissionRequest): boolean {
  return request.policy.mode === "observe" || RETRY_GUARDS.every(({ check }) => check(request) === undefined);
}

/** Why a call is rejected, or undefined if its body may run, or its answer may be given. */
export function reject(request: AdmissionRequest): Rejection | undefined {
  for (const guard of request.isAnswered ? ANSWER_GUARDS : GUARDS) {
    const rejection = guard.check(request);
    if (rejection) return rejection;
  }
  return undefined;
}

/** Whether a result that repeats nothing can have a notice: where a limit is 1. */
export function noticesAtOnce({ sameCallNotice, cycleNotice, sameResultNotice, sameFailureNotice }: Policy): boolean {
  return [sameCallNotice, cycleNotice, sameResultNotice, sameFailureNotice].includes(1);
}

/** What the model is told beside a result that repeats something; null is nothing. */
export function noticeFor(request: LoopNoticeRequest): string | null {
  for (const guard of LOOP_GUARDS) {
    const notice = guard.notice(request);
    if (notice !== undefined) return notice;
  }
  return null;
}
