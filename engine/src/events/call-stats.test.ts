import { expect, it } from "vitest";
import { CallStats } from "./call-stats.ts";
import type { EngineEvent, Settlement } from "./engine-event.ts";

const settled = (tool: string, its: Partial<Settlement> = {}): EngineEvent => ({
  type: "call-settled",
  atMs: 0,
  callId: "1",
  tool,
  runId: null,
  status: "succeeded",
  code: null,
  waitedMs: 1,
  ranMs: 10,
  attempts: 1,
  ...its,
});

it("counts calls by tool, status and code, and times only what ran", () => {
  const stats = new CallStats();
  stats.add(settled("a"));
  stats.add({ type: "call-answered", atMs: 0, callId: "2", tool: "a", runId: null, by: "cache" });
  stats.add(settled("a", { ranMs: null, attempts: 0 }));
  stats.add(settled("b", { status: "rejected", code: "usage-limit", ranMs: null, attempts: 0 }));
  const { total, tools } = stats.snapshot;
  expect(total).toMatchObject({ calls: 3, bodies: 1, answered: 1, byCode: { "usage-limit": 1 } });
  expect(total.byStatus).toEqual({ succeeded: 2, rejected: 1 });
  expect(tools.a).toMatchObject({ calls: 2, bodies: 1, answered: 1, runMs: { count: 1, max: 10 } });
  expect(tools.b?.runMs.count).toBe(0);
});

it("keeps figures for a bounded number of names, and counts the others in the total", () => {
  const stats = new CallStats();
  for (let index = 0; index < 2_000; index++) stats.add(settled(`made up ${index}`));
  const { total, tools } = stats.snapshot;
  expect([total.calls, Object.keys(tools).length]).toEqual([2_000, 1_000]);
});
