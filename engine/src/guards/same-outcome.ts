import type { Policy } from "../policy/policy.ts";
import type { Streak } from "../state/loop-history.ts";
import { endSentence, type LoopGuard } from "./guard.ts";
import { pauseLeftMs } from "./pause.ts";

/**
 * Different inputs of one tool that all give the same result, or all fail in the same way: the model drifts, or the tool is
 * out of order. Using another tool in between makes the next call possible again, and so does a pause.
 */
export const sameOutcome: LoopGuard = {
  bounds: "calls",
  check: ({ tool, policy, fingerprint, history, nowMs }) => {
    const streak = history?.streak(tool);
    if (!streak || policy.poller || fingerprint === null) return undefined;
    const rejectAt = limitsOf(policy, streak).rejectAt;
    if (rejectAt === null || streak.times < rejectAt - 1 || streak.inputs.has(fingerprint)) return undefined;
    const retryAfterMs = pauseLeftMs(streak, policy.repeatPauseMs, nowMs);
    // One at a time tries whether it works again.
    if (retryAfterMs === 0) return undefined;
    const detail = endSentence(streak.preview);
    const figures = { limit: String(rejectAt), observed: String(streak.times), detail, retryAfterMs };
    return { code: streak.failed ? "same-failure" : "same-result", figures };
  },
  notice: ({ tool, policy, history }) => {
    const streak = history.streak(tool);
    if (!streak || policy.poller) return undefined;
    const { noticeAt } = limitsOf(policy, streak);
    if (noticeAt === null || !isDoubling(streak.times, noticeAt)) return undefined;
    // "Written" after each of many edits, with a look at something else in between, is how work looks.
    if (!streak.failed && history.callsInARow < noticeAt) return undefined;
    const what = streak.failed ? "failed in the same way" : "gave the same result";
    return `Note: ${streak.times} different inputs of ${tool} ${what}. Try another tool, or use what you have.`;
  },
};

function limitsOf(policy: Policy, { failed }: Streak): { noticeAt: number | null; rejectAt: number | null } {
  return failed
    ? { noticeAt: policy.sameFailureNotice, rejectAt: policy.sameFailureReject }
    : { noticeAt: policy.sameResultNotice, rejectAt: policy.sameResultReject };
}

/** At `first`, twice, four times as much, …: a list that is worked off may give the same answer for long. */
function isDoubling(times: number, first: number): boolean {
  const ratio = times / first;
  return Number.isInteger(ratio) && (ratio & (ratio - 1)) === 0;
}
