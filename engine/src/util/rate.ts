import { parseDuration, requireCount, show } from "./duration.ts";

/**
 * Reads a rate such as `"10/1m"`: at most 10 starts in every window of one minute.
 *
 * @throws TypeError if it is not a string of that form, RangeError if a part of it makes no sense
 */
export function parseRate(value: unknown, option: string): { readonly starts: number; readonly windowMs: number } {
  const [starts, window, ...rest] = typeof value === "string" ? value.split("/") : [];
  if (starts === undefined || window === undefined || rest.length > 0 || !/^\s*\d+\s*$/.test(starts)) {
    throw new TypeError(`${option} must be starts per window such as "10/1m", got ${show(value)}`);
  }
  return { starts: requireCount(Number(starts), option), windowMs: parseDuration(window, option) };
}
