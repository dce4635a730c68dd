import { isSecretName, redactsAll } from "./redaction.ts";
import type { Encoded } from "./values.ts";

/** Shorter is no wait, and no agent waits longer for one answer. */
const SHORTEST_MS = 500;
const LONGEST_MS = 24 * 3_600_000;
const ZERO = 48;
const NINE = 57;

/**
 * The durations in ms that an input may mean, as a wait names its own (`sleep(seconds=3)`, `wait(ms=3000)`, `pause("3s")`): its numbers, in
 * seconds and in ms, and its texts that are durations. Those of fields whose names are in `redact` are left out.
 *
 * @returns undefined where there are none
 */
export function durationsIn(input: Encoded | undefined, redact: readonly string[]): readonly number[] | undefined {
  if (input === undefined || input === null || redactsAll(redact) || Array.isArray(input)) return undefined;
  if (typeof input !== "object") return isSecretName("", redact) ? undefined : meant(input);
  const fields = input as Readonly<Record<string, Encoded>>;
  let found: readonly number[] | undefined;
  for (const name in fields) {
    const durations = Object.hasOwn(fields, name) ? meant(fields[name]) : undefined;
    if (durations && !isSecretName(name, redact)) found = found ? [...found, ...durations] : durations;
  }
  return found;
}

const DURATION = /^(\d{1,12}(?:\.\d{1,6})?)\s*(|ms|msec|milliseconds?|s|sec|seconds?|m|min|minutes?)$/i;

/** Undefined where it means none that anybody waits for. */
function meant(value: Encoded | undefined): readonly number[] | undefined {
  if (typeof value === "number") return asWaits(value * 1_000, value);
  if (typeof value !== "string") return undefined;
  const first = value.charCodeAt(0);
  if (!(first >= ZERO && first <= NINE)) return undefined; // most texts are none
  const [, figure, unit] = DURATION.exec(value.slice(0, 40)) ?? [];
  if (figure === undefined || unit === undefined) return undefined;
  const amount = Number(figure);
  if (unit === "") return asWaits(amount * 1_000, amount);
  if (/^m(s|il)/i.test(unit)) return asWaits(amount);
  return asWaits(amount * (/^s/i.test(unit) ? 1_000 : 60_000));
}

function asWaits(...durations: readonly number[]): readonly number[] | undefined {
  const waits = durations.filter((ms) => ms >= SHORTEST_MS && ms <= LONGEST_MS);
  return waits.length > 0 ? waits : undefined;
}
