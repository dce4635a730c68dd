import { expect, it } from "vitest";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { type CachedResult, type CacheLimits, ResultCache } from "./result-cache.ts";
import { restoreSnapshot, type Snapshot, takeSnapshot } from "./snapshot.ts";

function cacheOf(options: Partial<CacheLimits> = {}) {
  const limits = { maxCacheEntries: 1_000, maxCacheBytes: 64_000_000, cacheTtlMs: 300_000, ...options };
  const clock = new FakeClock();
  return { clock, cache: new ResultCache(limits, clock) };
}

function result(value: unknown): CachedResult {
  const snapshot = takeSnapshot(value);
  if (!snapshot) throw new Error("no snapshot");
  return { ...snapshot, digest: "d", preview: null };
}

it("answers with null and undefined, too", () => {
  const { cache } = cacheOf();
  for (const [key, value] of [
    ["n", null],
    ["u", undefined],
  ] as const) {
    expect(cache.store(key, result(value))).toBe(true);
    const found = cache.get(key);
    expect(restoreSnapshot(found as Snapshot)).toBe(value);
  }
});

it("is not changed by whoever changes the value that went in or came out", () => {
  const { cache } = cacheOf();
  const value = { list: [1] };
  cache.store("k", result(value));
  value.list.push(2);
  const restore = () => restoreSnapshot(cache.get("k") as Snapshot) as typeof value;
  restore().list.push(3);
  expect(restore()).toEqual({ list: [1] });
});

it("forgets at the end of its time to live by the engine's clock, and sets no timer", async () => {
  const { cache, clock } = cacheOf({ cacheTtlMs: 10_000 });
  cache.store("k", result(1));
  await clock.advance(9_999);
  expect(cache.get("k")).toBeDefined();
  await clock.advance(2);
  expect(cache.get("k")).toBeUndefined();
  const forever = cacheOf({ cacheTtlMs: null });
  forever.cache.store("k", result(1));
  await forever.clock.advance(1e12);
  expect(forever.cache.get("k")).toBeDefined();
  expect(clock.pendingCount).toBe(0);
});

it("holds at most its entries and its bytes: what was used longest ago goes first", () => {
  const { cache } = cacheOf({ maxCacheEntries: 2 });
  for (const key of ["a", "b"]) cache.store(key, result(key));
  cache.get("a");
  cache.store("c", result("c"));
  expect(["a", "b", "c"].map((key) => cache.get(key) !== undefined)).toEqual([true, false, true]);

  const small = cacheOf({ maxCacheBytes: 5_000 }).cache;
  for (let index = 0; index < 100; index++) small.store(`${index}`, result("x".repeat(1_000)));
  expect(small.snapshot.bytes).toBeLessThanOrEqual(5_000);
  expect(small.snapshot.entries).toBe(3);
  expect(small.store("large", result("x".repeat(10_000)))).toBe(false);
  expect(small.get("99")).toBeDefined();
});

it("has nothing for a call without a fingerprint", () => {
  const { cache } = cacheOf();
  expect(cache.store(null, result(1))).toBe(false);
  expect(cache.get(null)).toBeUndefined();
  expect(cache.snapshot).toEqual({ entries: 0, bytes: 0, hits: 0, misses: 1 });
});
