import { LRUCache } from "lru-cache";
import type { Clock } from "../internal/clock.ts";
import type { CacheLimits } from "./cache-options.ts";
import type { Snapshot } from "./snapshot.ts";

/** A result as the cache has it. `digest` and `preview` stand for it in loop detection: an answer from here counts there. */
export interface CachedResult {
  /** What came of the body: the bytes of a {@link Snapshot}, or of a value that only another process can read. */
  readonly bytes: Uint8Array;
  readonly form: Snapshot["form"] | "opaque";
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

  constructor({ maxEntries, maxBytes, ttlMs }: CacheLimits, clock: Pick<Clock, "now">) {
    this.#results = new LRUCache({
      max: maxEntries,
      maxSize: maxBytes,
      sizeCalculation: ({ bytes }) => bytes.byteLength + ENTRY_BYTES,
      // A time to live of 0 is none. Without a resolution it sets no timer and reads our clock at each look.
      ttl: ttlMs ?? 0,
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

  clear(): void {
    this.#results.clear();
  }

  get snapshot(): { readonly entries: number; readonly bytes: number; readonly hits: number; readonly misses: number } {
    const { size: entries, calculatedSize: bytes } = this.#results;
    return { entries, bytes, hits: this.#hits, misses: this.#misses };
  }
}
