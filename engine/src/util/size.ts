import { requirePositive, show } from "./duration.ts";

const UNITS_BYTES: Readonly<Record<string, number>> = { b: 1, kb: 1_000, mb: 1_000_000, gb: 1_000_000_000 };
const PATTERN = /^(\d+(?:\.\d+)?)\s*([a-z]+)$/i;

/**
 * Reads a size such as `"256MB"`, `"20 kB"`, `"2GB"`. Decimal units.
 *
 * @returns bytes, a whole number above 0
 * @throws TypeError if it is not a string of that form, RangeError if the unit is unknown or the size is not positive
 */
export function parseSize(value: unknown, option: string): number {
  const match = typeof value === "string" ? PATTERN.exec(value.trim()) : null;
  if (!match) throw new TypeError(`${option} must be a size such as "256MB" or "20kB", got ${show(value)}`);
  const unitBytes = UNITS_BYTES[(match[2] ?? "").toLowerCase()];
  if (unitBytes === undefined) {
    throw new RangeError(`${option} has an unknown unit, known are B, kB, MB and GB: got ${show(value)}`);
  }
  return requirePositive(Math.round(Number(match[1]) * unitBytes), option, value);
}
