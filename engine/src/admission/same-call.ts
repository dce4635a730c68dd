import type { Policy } from "../policy/policy.ts";
import { endSentence, type LoopGuard } from "./guard.ts";

/**
 * The same call with the same result, again and again. A changing result is progress, and calls of one batch, which have no
 * result yet, are no repetition.
 */
export const sameCall: LoopGuard = {
  check: ({ policy, fingerprint, history }) => {
    const rejectAt = rejectionOf(policy);
    if (rejectAt === null || fingerprint === null) return undefined;
    const repetition = history?.repetition(fingerprint);
    if (!repetition || repetition.times < rejectAt - 1) return undefined;
    const detail = endSentence(repetition.preview);
    return {
      code: "repeated-call",
      figures: { limit: String(rejectAt - 1), observed: String(repetition.times), detail },
    };
  },
  notice: ({ tool, policy, fingerprint, history }) => {
    // An unchanged poll is what a poller is for.
    const noticeAt = policy.poller ? null : policy.sameCallNotice;
    const times = history.repetition(fingerprint)?.times ?? 0;
    if (noticeAt === null || times < noticeAt) return undefined;
    return (
      `Note: ${tool} was called with this input ${times} times and the result did not change. ` +
      "Use it, or try something different."
    );
  },
};

function rejectionOf(policy: Policy): number | null {
  return policy.poller ? policy.pollReject : policy.sameCallReject;
}
