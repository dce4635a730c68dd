import { expect, it } from "vitest";
import { CallStats } from "./call-stats.ts";
import type { Settlement } from "./engine-event.ts";

const settlement = (its: Partial<Settlement> = {}): Settlement => ({
  status: "succeeded",
  code: null,
  waitedMs: 1,
  ranMs: 10,
  attempts: 1,
  ...its,
});

it("counts calls by tool, status and code, and times only what ran", () => {
  const stats = new CallStats();
  stats.settled("a", settlement());
  stats.answered("a");
  stats.settled("a", settlement({ ranMs: null, attempts: 0 }));
  stats.settled("b", settlement({ status: "rejected", code: "usage-limit", ranMs: null, attempts: 0 }));
  const { total, tools } = stats.figures;
  expect(total).toMatchObject({ calls: 3, bodies: 1, answered: 1, byCode: { "usage-limit": 1 } });
  expect(total.byStatus).toEqual({ succeeded: 2, rejected: 1 });
  expect(tools.a).toMatchObject({ calls: 2, bodies: 1, answered: 1, runMs: { count: 1, max: 10 } });
  expect(tools.b?.runMs.count).toBe(0);
});

it("lists no name that a model made up, and counts its calls in the total", () => {
  const stats = new CallStats();
  for (const name of ["sk-4242", "x".repeat(5_000_000)])
    stats.settled(name, settlement({ status: "rejected", code: "unknown-tool", ranMs: null, attempts: 0 }));
  const { total, tools } = stats.figures;
  expect(total).toMatchObject({ calls: 2, byCode: { "unknown-tool": 2 } });
  expect(tools).toEqual({});
});

it("has in the total the percentiles of all tools together", () => {
  const stats = new CallStats();
  for (let at = 1; at <= 100; at++) stats.settled(at % 2 ? "odd" : "even", settlement({ ranMs: at * at }));
  const { p50, p99, max, count } = stats.figures.total.runMs;
  expect([Math.abs(p50 / 2_500 - 1) < 0.021, Math.abs(p99 / 9_801 - 1) < 0.021, max, count]).toEqual([
    true,
    true,
    10_000,
    100,
  ]);
});

it("keeps figures for a bounded number of names, and counts the others in the total", () => {
  const stats = new CallStats();
  for (let index = 0; index < 2_000; index++) stats.settled(`made up ${index}`, settlement());
  const { total, tools } = stats.figures;
  expect([total.calls, Object.keys(tools).length]).toEqual([2_000, 1_000]);
});
