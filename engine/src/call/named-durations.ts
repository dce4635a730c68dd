import { isSecretName, redactsAll } from "./redaction.ts";
import type { Encoded } from "./values.ts";

/** Shorter is no wait, and no agent waits longer for one answer. */
const SHORTEST_MS = 500;
const LONGEST_MS = 24 * 3_600_000;

/**
 * The durations in ms that an input may mean, as a wait names its own (`sleep(seconds=3)`, `wait(ms=3000)`, `pause("3s")`): its numbers, in
 * seconds and in ms, and its texts that are durations. Those of fields whose names are in `redact` are left out.
 *
 * @returns undefined where there are none
 */
export function durationsIn(input: Encoded | undefined, redact: readonly string[]): readonly number[] | undefined {
  if (input === undefined || input === null || redactsAll(redact) || Array.isArray(input)) return undefined;
  let found: number[] | undefined;
  const fields = typeof input === "object" ? Object.entries(input) : [["", input] as const];
  for (const [name, value] of fields) {
    if ((typeof value !== "number" && typeof value !== "string") || isSecretName(name, redact)) continue;
    for (const ms of meant(value)) if (ms >= SHORTEST_MS && ms <= LONGEST_MS) found = [...(found ?? []), ms];
  }
  return found;
}

const DURATION = /^(\d{1,12}(?:\.\d{1,6})?)\s*(|ms|msec|milliseconds?|s|sec|seconds?|m|min|minutes?)$/i;

function meant(value: number | string): readonly number[] {
  if (typeof value === "number") return [value * 1_000, value];
  const [, figure, unit] = DURATION.exec(value.slice(0, 40)) ?? [];
  if (figure === undefined || unit === undefined) return [];
  const amount = Number(figure);
  if (unit === "") return [amount * 1_000, amount];
  if (/^m(s|il)/i.test(unit)) return [amount];
  return [amount * (/^s/i.test(unit) ? 1_000 : 60_000)];
}
