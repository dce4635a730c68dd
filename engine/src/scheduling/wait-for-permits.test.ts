import { expect, it } from "vitest";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { Permits } from "./permits.ts";
import { waitForPermits } from "./wait-for-permits.ts";

function waiting(limitMs: number | null) {
  const clock = new FakeClock();
  const permits = new Permits({ maxConcurrent: 1 });
  const need = permits.need({ tool: "t", maxConcurrent: null, resources: [] });
  const told: string[] = [];
  const claim = (name: string) =>
    waitForPermits(
      permits,
      { need, granted: () => told.push(`${name} granted`) },
      { limitMs, expired: (waitedMs) => told.push(`${name} expired after ${waitedMs}`) },
      clock,
    );
  return { clock, permits, claim, told };
}

it("ends the wait at its limit, and the call after it has its turn", async () => {
  const { clock, permits, claim, told } = waiting(100);
  const first = claim("first");
  claim("second");
  await clock.advance(60);
  claim("third");
  await clock.advance(50);
  expect(told).toEqual(["second expired after 100"]);
  first.end();
  expect(told).toEqual(["second expired after 100", "third granted"]);
  expect(clock.pendingCount).toBe(0);
  expect(permits.waiting).toBe(0);
});

it("leaves no timer behind when a wait is cancelled, and sets none where a call need not wait", async () => {
  const { clock, claim, told } = waiting(100);
  claim("first");
  expect(clock.pendingCount).toBe(0);
  const second = claim("second");
  expect(clock.pendingCount).toBe(1);
  second.end();
  second.end();
  await clock.advance(1_000);
  expect([clock.pendingCount, told]).toEqual([0, []]);
});
