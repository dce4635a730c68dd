import { types } from "node:util";

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const PATTERN = /^(\d+(?:\.\d+)?)\s*([a-z]+)$/;

/**
 * Reads a duration such as `"500ms"`, `"30s"`, `"2m"`, `"1.5h"`.
 *
 * @returns milliseconds, more than 0
 * @throws TypeError if it is not a string of that form, RangeError if the unit is unknown or the duration is not positive
 */
export function parseDuration(value: unknown, option: string): number {
  const match = typeof value === "string" ? PATTERN.exec(value.trim()) : null;
  if (!match) throw new TypeError(`${option} must be a duration such as "30s" or "500ms", got ${show(value)}`);
  const unitMs = UNITS_MS[match[2] ?? ""];
  if (unitMs === undefined) {
    throw new RangeError(`${option} has an unknown unit, known are ms, s, m and h: got ${show(value)}`);
  }
  return requirePositive(Number(match[1]) * unitMs, option, value);
}

/**
 * Checks a number that must be finite and more than 0.
 *
 * @throws TypeError if it is not a number, RangeError if it is NaN, infinite, zero or negative
 */
export function requirePositive(value: unknown, option: string, shown: unknown = value): number {
  if (typeof value !== "number") throw new TypeError(`${option} must be a number, got ${show(shown)}`);
  if (!Number.isFinite(value) || value <= 0) {
    throw new RangeError(`${option} must be a finite number above 0, got ${show(shown)}`);
  }
  return value;
}

/** Checks a whole number of at least 1. Throws as {@link requirePositive} does. */
export function requireCount(value: unknown, option: string): number {
  const count = requirePositive(value, option);
  if (!Number.isSafeInteger(count)) throw new RangeError(`${option} must be a whole number, got ${show(value)}`);
  return count;
}

/** A value as an error message shows it. */
export function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
  if (Array.isArray(value)) return "an array";
  if (types.isPromise(value)) return "a promise";
  if (typeof value === "object" && value !== null) return "an object";
  if (typeof value === "function") return "a function";
  return String(value);
}

/** A duration as messages show it: `350 ms`, `2 s`, `1.5 s`, `2 min`. */
export function formatDuration(ms: number): string {
  const round = (value: number): string => String(Number(value.toFixed(value < 10 ? 2 : 1)));
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${round(ms / 1_000)} s`;
  return `${round(ms / 60_000)} min`;
}

/** A size as messages show it: `950 B`, `12.5 kB`, `256 MB`. Decimal units. */
export function formatBytes(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${Number((bytes / 1_000).toFixed(1))} kB`;
  return `${Number((bytes / 1_000_000).toFixed(1))} MB`;
}
