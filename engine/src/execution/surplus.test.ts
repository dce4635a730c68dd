import fc from "fast-check";
import { expect, test } from "vitest";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { SURPLUS_AFTER_MS, Surplus } from "./surplus.ts";

function watch() {
  const clock = new FakeClock();
  const told: { count: number; atMs: number }[] = [];
  return { clock, told, surplus: new Surplus(clock, (count) => told.push({ count, atMs: clock.now() })) };
}

test("workers that nobody needed for a minute are told of, as many as there were at the least", async () => {
  const { clock, told, surplus } = watch();
  surplus.is(3);
  await clock.advance(30_000);
  surplus.is(1);
  surplus.is(3);
  await clock.advance(29_999);
  expect(told).toEqual([]);
  await clock.advance(1);
  expect(told.map(({ count }) => count)).toEqual([1]);
  surplus.is(2); // the pool has ended one
  await clock.advance(SURPLUS_AFTER_MS);
  expect(told.map(({ count }) => count)).toEqual([1, 2]);
});

test("workers that each minute needs once are kept", async () => {
  const { clock, told, surplus } = watch();
  for (let minute = 0; minute < 10; minute += 1) {
    surplus.is(2);
    await clock.advance(SURPLUS_AFTER_MS / 2);
    surplus.is(0);
    surplus.is(2);
    await clock.advance(SURPLUS_AFTER_MS / 2);
  }
  expect(told).toEqual([]);
});

test("without a surplus there is no timer, and with one it keeps no process alive", async () => {
  const { clock, surplus } = watch();
  surplus.is(0);
  expect(clock.pendingCount + clock.unrefedCount).toBe(0);
  surplus.is(1);
  expect([clock.pendingCount, clock.unrefedCount]).toEqual([0, 1]);
  surplus.is(0);
  await clock.advance(SURPLUS_AFTER_MS);
  expect(clock.unrefedCount).toBe(0);
  surplus.is(1);
  surplus.close();
  expect(clock.unrefedCount).toBe(0);
});

test("never more are told of than were unneeded for the whole minute before, and an unchanged surplus is told of within two", async () => {
  const change = fc.record({ afterMs: fc.integer({ min: 0, max: 90_000 }), count: fc.integer({ min: 0, max: 4 }) });
  await fc.assert(
    fc.asyncProperty(fc.array(change, { maxLength: 20 }), fc.integer({ min: 1, max: 4 }), async (changes, last) => {
      const { clock, told, surplus } = watch();
      const levels = [{ count: 0, fromMs: clock.now() }];
      for (const { afterMs, count } of [...changes, { afterMs: 1, count: last }]) {
        await clock.advance(afterMs);
        levels.push({ count, fromMs: clock.now() });
        surplus.is(count);
      }
      const settledAtMs = clock.now();
      await clock.advance(2 * SURPLUS_AFTER_MS);
      for (const { count, atMs } of told) {
        const overlapping = levels.filter(
          ({ fromMs }, index) => fromMs < atMs && (levels[index + 1]?.fromMs ?? atMs) > atMs - SURPLUS_AFTER_MS,
        );
        expect(count).toBeLessThanOrEqual(Math.min(...overlapping.map((level) => level.count)));
      }
      expect(told.some(({ count, atMs }) => atMs > settledAtMs && count === last)).toBe(true);
    }),
    { numRuns: 50 },
  );
});
