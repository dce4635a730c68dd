import { parseDuration, requireCount, requirePositive, show } from "../internal/duration.ts";
import { refuseUnknownKeys } from "../internal/nearest.ts";

/** A tool's result cache. Calls with the same input, of all runs, are answered with the result of the first. */
export interface CacheOptions {
  /** Results kept. Default 1,000; past it the one that was used longest ago goes. */
  readonly maxEntries?: number | undefined;
  /** Bytes of results kept, as they are stored. Default 64 MB. A larger result is not kept. */
  readonly maxBytes?: number | undefined;
  /** How long a result holds, such as `"10m"`; the clock starts when its body ended. `null` is for ever. Default `"5m"`. */
  readonly ttl?: string | null | undefined;
  /** The same in milliseconds. Give one of the two. */
  readonly ttlMs?: number | null | undefined;
}

export interface CacheLimits {
  readonly maxEntries: number;
  readonly maxBytes: number;
  /** Null is no expiry. */
  readonly ttlMs: number | null;
}

const DEFAULTS: CacheLimits = { maxEntries: 1_000, maxBytes: 64_000_000, ttlMs: 300_000 };

/**
 * Compiles `cache: true`, `cache: false` or `cache: {…}`; null is no cache, the default.
 *
 * @throws TypeError or RangeError that names the option, the value and what it may be
 */
export function compileCache(options: boolean | CacheOptions | undefined, what: string): CacheLimits | null {
  if (options === undefined || options === false) return null;
  if (options === true) return DEFAULTS;
  if (typeof options !== "object") throw new TypeError(`${what} must be true, false or options, got ${show(options)}`);
  refuseUnknownKeys(options, ["maxEntries", "maxBytes", "ttl", "ttlMs"], what);
  const { maxEntries, maxBytes, ttl, ttlMs } = options;
  if (ttl !== undefined && ttlMs !== undefined)
    throw new TypeError(`${what} has both ttl and ttlMs: give one of the two`);
  const readTtl = (): number | null => {
    if (ttl === null || ttlMs === null) return null;
    if (ttl !== undefined) return parseDuration(ttl, `${what} ttl`);
    return ttlMs === undefined ? DEFAULTS.ttlMs : requirePositive(ttlMs, `${what} ttlMs`);
  };
  return {
    maxEntries: maxEntries === undefined ? DEFAULTS.maxEntries : requireCount(maxEntries, `${what} maxEntries`),
    maxBytes: maxBytes === undefined ? DEFAULTS.maxBytes : requireCount(maxBytes, `${what} maxBytes`),
    ttlMs: readTtl(),
  };
}
