import type { Policy } from "../policy/policy.ts";
import type { Repetition } from "../run/history.ts";
import type { Guard } from "./guard.ts";

/** The nth same result gives a notice; the nth call is rejected if all before it gave the same result. */
const STANDARD = { noticeAt: 3, rejectAt: 4 } as const;
/** Unchanged polls are what a poller is for: no notice, and a limit that only a stuck job reaches. */
const POLLER = { noticeAt: Number.POSITIVE_INFINITY, rejectAt: 30 } as const;

const limitsOf = (policy: Policy): { readonly noticeAt: number; readonly rejectAt: number } =>
  policy.poller ? POLLER : STANDARD;

/**
 * Rejects the same call when it has given the same result again and again. The result decides: a changing one is
 * progress, and calls that have no result yet are no repetition.
 */
export const repeatedCallGuard: Guard = ({ policy, fingerprint, history }) => {
  const repetition = fingerprint === null ? undefined : history?.latest(fingerprint);
  const { rejectAt } = limitsOf(policy);
  if (!repetition || repetition.times < rejectAt - 1) return undefined;
  const detail = repetition.preview === null ? "not shown." : endSentence(repetition.preview);
  return {
    code: "repeated-call",
    figures: { limit: String(rejectAt - 1), observed: String(repetition.times), detail },
  };
};

/** The text for the model beside a result that repeats itself, or null. */
export function repetitionNotice(tool: string, policy: Policy, repetition: Repetition): string | null {
  if (repetition.times < limitsOf(policy).noticeAt) return null;
  return (
    `Note: ${tool} was called with this input ${repetition.times} times and the result did not change. ` +
    "Use it, or try something different."
  );
}

function endSentence(text: string): string {
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}
