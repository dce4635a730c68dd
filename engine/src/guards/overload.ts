import { formatDuration } from "../util/duration.ts";
import type { Guard } from "./guard.ts";

/** Rejects a call while the machine is under pressure, with a hint when it may be tried again. */
export const overloadGuard: Guard = {
  bounds: "calls",
  check: ({ rejectsForMs }) => {
    if (rejectsForMs === undefined) return undefined;
    const figures = { detail: formatDuration(Math.ceil(rejectsForMs)), retryAfterMs: Math.ceil(rejectsForMs) };
    return { code: "overloaded", figures };
  },
};
