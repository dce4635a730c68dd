import type { Ending } from "../call/ending.ts";
import type { Policy } from "../policy/policy.ts";
import type { Clock } from "../util/clock.ts";
import type { Call } from "./call.ts";
import type { KeptResult, ResultCodec } from "./kept-result.ts";
import { type CachedResult, ResultCache } from "./result-cache.ts";
import { MAX_STORED_BYTES } from "./stored-ending.ts";

/** How many bytes of a call's result are worth keeping, to answer others with it; undefined where it is not kept at all. */
export function keepBytes(call: Call): number | undefined {
  const isNamed = call.requestId !== undefined || call.idempotencyKey !== undefined;
  const bytes = Math.max(cacheBytes(call), isNamed ? MAX_STORED_BYTES : 0);
  return bytes === 0 ? undefined : bytes;
}

function cacheBytes({ policy, fingerprint, debug }: Call): number {
  return policy?.cache && fingerprint !== null && !debug ? policy.maxCacheBytes : 0;
}

/** The kept results of an engine's cached tools. */
export class CachedAnswers {
  readonly #clock: Clock;
  readonly #codec: ResultCodec;
  readonly #caches = new Map<string, { readonly policy: Policy; readonly cache: ResultCache }>();
  readonly #admittedTo = new WeakMap<Call, ResultCache>();

  constructor(clock: Clock, codec: ResultCodec) {
    this.#clock = clock;
    this.#codec = codec;
  }

  /** The kept result of an earlier call with this one's input. */
  find(call: Call): CachedResult | undefined {
    const cache = cacheBytes(call) === 0 ? undefined : this.#cacheOf(call);
    if (cache) this.#admittedTo.set(call, cache);
    return cache?.get(call.fingerprint);
  }

  /** @returns the result as it is kept; undefined if it would not come back as it was, or is too large */
  store(call: Call, { digest, preview }: Ending & { type: "returned" }, value: unknown): CachedResult | undefined {
    const maxBytes = keepBytes(call);
    const kept = maxBytes === undefined ? undefined : this.#codec.keep(value, maxBytes);
    if (!kept) return undefined;
    const result = { form: kept.form, bytes: kept.bytes, digest, preview };
    if (cacheBytes(call) > 0) (this.#admittedTo.get(call) ?? this.#cacheOf(call))?.store(call.fingerprint, result);
    return result;
  }

  /** Of a tool whose body is another from now on. What bodies return that have begun is not kept either. */
  forget(tool: string): void {
    this.#caches.delete(tool);
  }

  /** The value of a kept result, anew each time. */
  restore(result: KeptResult): unknown {
    return this.#codec.restore(result);
  }

  #cacheOf({ tool, policy }: Call): ResultCache | undefined {
    if (!policy) return undefined;
    let cached = this.#caches.get(tool);
    if (!cached || !sameLimits(cached.policy, policy)) {
      cached = { policy, cache: new ResultCache(policy, this.#clock) };
      this.#caches.set(tool, cached);
    }
    return cached.cache;
  }
}

function sameLimits(a: Policy, b: Policy): boolean {
  return (
    a === b ||
    (a.maxCacheEntries === b.maxCacheEntries && a.maxCacheBytes === b.maxCacheBytes && a.cacheTtlMs === b.cacheTtlMs)
  );
}
