import type { Guard } from "./guard.ts";

/**
 * Rejects a call that is on its own path already: with the same input at once, with other inputs when the tool would stand
 * there more than `maxReentry` times. Walks up the path, which the depth guard has bounded.
 */
export const ancestorGuard: Guard = {
  bounds: "calls",
  check: ({ tool, subject, fingerprint, parent, path, policy: { maxReentry } }) => {
    let entries = 1;
    for (let ancestor = parent; ancestor; ancestor = ancestor.parent) {
      if (ancestor.tool !== tool || ancestor.subject !== subject) continue;
      entries += 1;
      if (fingerprint !== null && ancestor.fingerprint === fingerprint) {
        return { code: "ancestor-cycle", figures: { detail: path.join(" → ") } };
      }
    }
    if (maxReentry === null || entries <= maxReentry) return undefined;
    const name = subject === undefined ? "" : ` (to ${subject})`;
    const figures = { limit: String(maxReentry), observed: String(entries), detail: path.join(" → ") + name };
    return { code: "reentry-limit", figures };
  },
};
