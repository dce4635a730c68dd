import { LRUCache } from "lru-cache";
import type { Clock } from "../util/clock.ts";
import type { KeptResult } from "./kept-result.ts";

/** How much is kept, and for how long: null is for ever. */
export interface CacheLimits {
  readonly maxCacheEntries: number;
  readonly maxCacheBytes: number;
  readonly cacheTtlMs: number | null;
}

/** A result as the cache has it. `digest` and `preview` stand for it in loop detection: an answer from here counts there. */
export interface CachedResult extends KeptResult {
  readonly digest: string | null;
  readonly preview: string | null;
}

/** What an entry takes beside its bytes: the key, the object and the list it hangs in. */
const ENTRY_BYTES = 400;

/**
 * The results of one tool by the fingerprint of their calls. Bounded by entries and bytes; the one that was used longest
 * ago goes first. It never holds a value, only bytes: nobody can change what it has.
 */
export class ResultCache {
  readonly #results: LRUCache<string, CachedResult>;
  #hits = 0;
  #misses = 0;

  constructor({ maxCacheEntries, maxCacheBytes, cacheTtlMs }: CacheLimits, clock: Pick<Clock, "now">) {
    this.#results = new LRUCache({
      max: maxCacheEntries,
      maxSize: maxCacheBytes,
      sizeCalculation: ({ bytes }) => bytes.byteLength + ENTRY_BYTES,
      // A time to live of 0 is none. Without a resolution it sets no timer and reads our clock at each look.
      ttl: cacheTtlMs ?? 0,
      ttlResolution: 0,
      perf: clock,
    });
  }

  /** The result of such a call, or undefined. A call without a fingerprint has none. */
  get(fingerprint: string | null): CachedResult | undefined {
    const result = fingerprint === null ? undefined : this.#results.get(fingerprint);
    if (result) this.#hits++;
    else this.#misses++;
    return result;
  }

  /** Keeps the result of a body that returned; never call it for a failure. @returns whether it is kept */
  store(fingerprint: string | null, result: CachedResult): boolean {
    if (fingerprint === null) return false;
    this.#results.set(fingerprint, result);
    return this.#results.has(fingerprint);
  }

  get snapshot(): { readonly entries: number; readonly bytes: number; readonly hits: number; readonly misses: number } {
    const { size: entries, calculatedSize: bytes } = this.#results;
    return { entries, bytes, hits: this.#hits, misses: this.#misses };
  }
}
