import { describe, expect, it } from "vitest";
import { FakeClock } from "../../test/support/fake-clock.ts";
import type { Excess } from "../call/ending.ts";
import type { ExactMemory, ProcessSample } from "./process-tree.ts";
import { NO_QUOTAS, type Quotas } from "./quota.ts";
import { QuotaWatch } from "./quota-watch.ts";

const MB = 1_000_000;

function processOf(pid: number, more: Partial<ProcessSample> = {}): ProcessSample {
  const ids = { parentPid: 1, groupId: pid, sessionId: pid, startTicks: 0 };
  return { pid, ...ids, isZombie: false, cpuMs: 0, memoryBytes: 0, ...more };
}

function watching(quotas: Partial<Quotas>, baseline: { cpuMs: number; memoryBytes: number } | undefined) {
  const clock = new FakeClock();
  const exceeded: Excess[] = [];
  const state = {
    tree: [processOf(7)],
    exact: new Map<number, ExactMemory>(),
    baseline,
    samples: 0,
  };
  const reader = {
    tree: () => {
      state.samples += 1;
      return state.tree;
    },
    exactMemory: (pid: number) => state.exact.get(pid),
  };
  const watch = new QuotaWatch(clock, reader, 2);
  const stop = watch.watch({
    rootPid: 7,
    quotas: { ...NO_QUOTAS, ...quotas },
    baseline: () => state.baseline,
    exceeded: (excess) => exceeded.push(excess),
  });
  return { clock, state, exceeded, stop };
}

describe("the watch over quotas", () => {
  it("counts what the call used above its baseline, over all processes, and tells once", async () => {
    const { clock, state, exceeded } = watching({ memoryBytes: 256 * MB }, { cpuMs: 0, memoryBytes: 180 * MB });
    state.tree = [processOf(7, { memoryBytes: 300 * MB }), processOf(8, { memoryBytes: 100 * MB })];
    await clock.advance(200);
    expect(exceeded).toEqual([]);
    state.tree = [processOf(7, { memoryBytes: 300 * MB }), processOf(8, { memoryBytes: 140 * MB })];
    await clock.advance(1_000);
    expect(exceeded).toEqual([{ quota: "memory", observed: 260 * MB, limit: 256 * MB }]);
    expect(clock.pendingCount).toBe(0);
  });

  it("does not count pages twice that a forked child shares", async () => {
    const { clock, state, exceeded } = watching({ memoryBytes: 256 * MB }, { cpuMs: 0, memoryBytes: 180 * MB });
    state.tree = [7, 8, 9].map((pid) => processOf(pid, { memoryBytes: 280 * MB }));
    for (const pid of [7, 8, 9]) state.exact.set(pid, { proportionalBytes: 95 * MB, privateBytes: 1 * MB });
    await clock.advance(500);
    expect(exceeded).toEqual([]);
    // What one child made and shares with its own children is nobody's private memory.
    for (const pid of [8, 9]) state.exact.set(pid, { proportionalBytes: 200 * MB, privateBytes: 1 * MB });
    await clock.advance(500);
    expect(exceeded).toEqual([{ quota: "memory", observed: 315 * MB, limit: 256 * MB }]);
  });

  it("counts processes beside the worker, and no zombies", async () => {
    const { clock, state, exceeded } = watching({ processes: 1 }, { cpuMs: 0, memoryBytes: 0 });
    state.tree = [processOf(7), processOf(8), processOf(9, { isZombie: true })];
    await clock.advance(100);
    expect(exceeded).toEqual([]);
    state.tree = [processOf(7), processOf(8), processOf(9)];
    await clock.advance(100);
    expect(exceeded).toEqual([{ quota: "processes", observed: 2, limit: 1 }]);
  });

  it("judges nothing before the body has begun", async () => {
    const { clock, state, exceeded } = watching({ cpuMs: 100 }, undefined);
    state.tree = [processOf(7, { cpuMs: 5_000 })];
    await clock.advance(1_000);
    expect(exceeded).toEqual([]);
    state.baseline = { cpuMs: 4_950, memoryBytes: 0 };
    await clock.advance(100);
    expect(exceeded).toEqual([]);
    state.tree = [processOf(7, { cpuMs: 5_060 })];
    await clock.advance(100);
    expect(exceeded).toEqual([{ quota: "cpu", observed: 110, limit: 100 }]);
  });

  it("never looks at a call that ends at once, and stops when none is left", async () => {
    const { clock, state, stop } = watching({ cpuMs: 100 }, { cpuMs: 0, memoryBytes: 0 });
    stop();
    await clock.advance(1_000);
    expect(state.samples).toBe(0);
    expect(clock.pendingCount).toBe(0);
  });
});
