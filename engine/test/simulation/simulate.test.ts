import { expect, it } from "vitest";
import { simulate } from "./simulate.ts";

const CALLS = 20_000;

it("keeps every promise over many calls made by a new seed", () => {
  const seed = Math.floor(Math.random() * 2 ** 32);
  // The seed is in the failure: `node test/simulation/main.ts --seed N --calls 20000` replays it.
  const run = () => simulate(seed, CALLS);
  expect(run, `seed ${seed}`).not.toThrow();
});

it("replays exactly from its seed, and reaches what it is about", () => {
  const report = simulate(22, CALLS);
  expect(simulate(22, CALLS)).toEqual(report);
  expect(simulate(5, 2_000).digest).not.toBe(report.digest);
  expect(report.calls).toBeGreaterThanOrEqual(CALLS);
  expect(report.longestQueue).toBeGreaterThan(100);
  const kinds = [
    "returned",
    "raised",
    "expired",
    "cancelled",
    "not-started",
    "answered by the cache",
    "effect-unknown",
  ];
  const more = ["answered by the ledger: returned", "overloaded", "in-flight", "deadlock"];
  for (const kind of [...kinds, ...more]) expect(report.outcomes[kind] ?? 0, kind).toBeGreaterThan(0);
});
