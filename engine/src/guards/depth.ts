import type { Guard } from "./guard.ts";

/** Rejects a call that would be nested deeper than `maxDepth`; a call that no body made is at depth 1. */
export const depthGuard: Guard = {
  bounds: "calls",
  check: ({ path, policy: { maxDepth } }) => {
    if (path.length <= maxDepth) return undefined;
    const figures = { limit: String(maxDepth), observed: String(path.length), detail: path.join(" → ") };
    return { code: "depth-exceeded", figures };
  },
};
