import { endSentence, type LoopGuard } from "./guard.ts";
import { isPaused, repeatedPauseLeftMs } from "./pause.ts";

/**
 * The same call with the same result, again and again, while no other call brought anything new. A changing result is progress, and calls
 * of one batch, which have no result yet, are no repetition. One that comes after a pause is a poll.
 */
export const sameCall: LoopGuard = {
  bounds: "calls",
  check: ({ policy, fingerprint, history, nowMs }) => {
    const repetition = fingerprint === null ? undefined : history?.repetition(fingerprint);
    if (!repetition || fingerprint === null) return undefined;
    const { poller, sameCallReject, pollReject, repeatPauseMs } = policy;
    if (!poller && (sameCallReject === null || repetition.times < sameCallReject - 1)) return undefined;
    const isPoll = poller || isPaused(history, fingerprint, repetition, repeatPauseMs, nowMs);
    const rejectAt = isPoll ? pollReject : sameCallReject;
    if (rejectAt === null || repetition.times < rejectAt - 1) return undefined;
    const figures = {
      limit: String(rejectAt - 1),
      observed: String(repetition.times),
      detail: endSentence(repetition.preview),
      option: isPoll ? "pollReject" : "sameCallReject",
      ...(isPoll ? {} : { retryAfterMs: repeatedPauseLeftMs(repetition, repeatPauseMs, nowMs) }),
    } as const;
    return { code: "repeated-call", figures };
  },
  notice: ({ tool, policy, fingerprint, history }) => {
    // An unchanged poll is what a poller is for, and what one waits for.
    const isPoll = policy.poller || history.hasWaited(fingerprint, policy.repeatPauseMs, 1);
    const noticeAt = isPoll ? null : policy.sameCallNotice;
    const times = history.repetition(fingerprint)?.times ?? 0;
    if (noticeAt === null || times < noticeAt) return undefined;
    return (
      `Note: ${tool} was called with this input ${times} times and the result did not change. ` +
      "Use it, or try something different."
    );
  },
};
