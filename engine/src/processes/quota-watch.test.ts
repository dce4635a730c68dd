import { describe, expect, it } from "vitest";
import { FakeClock } from "../../test/support/fake-clock.ts";
import type { Excess } from "../call/ending.ts";
import { NO_QUOTAS, type Quotas } from "../policy/quota.ts";
import type { ExactMemory, ProcessSample } from "./process-tree.ts";
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
    others: [] as readonly number[] | undefined,
  };
  const cgroup = {
    members: [] as number[],
    exhaustedBytes: undefined as number | undefined,
    rooms: [] as number[],
    bound: (_: unknown, roomBytes: number) => void cgroup.rooms.push(roomBytes),
  };
  const reader = {
    tree: (_: number, others?: readonly number[]) => {
      state.samples += 1;
      state.others = others;
      return state.tree;
    },
    exactMemory: (pid: number) => state.exact.get(pid),
  };
  const watch = new QuotaWatch(clock, reader, 2);
  const { end, kernelExcess } = watch.watch({
    rootPid: 7,
    quotas: { ...NO_QUOTAS, ...quotas },
    cgroup,
    baseline: () => state.baseline,
    exceeded: (excess) => exceeded.push(excess),
  });
  return { clock, state, cgroup, exceeded, end, kernelExcess };
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
    const { clock, state, end } = watching({ cpuMs: 100 }, { cpuMs: 0, memoryBytes: 0 });
    end();
    await clock.advance(1_000);
    expect(state.samples).toBe(0);
    expect(clock.pendingCount).toBe(0);
  });

  it("has the kernel hold a wider limit from the second look on, and looks at all that is in the group", async () => {
    const { clock, state, cgroup } = watching({ memoryBytes: 256 * MB }, { cpuMs: 0, memoryBytes: 180 * MB });
    cgroup.members = [7, 99];
    await clock.advance(10);
    expect(cgroup.rooms).toEqual([]);
    await clock.advance(60);
    expect(cgroup.rooms).toEqual([256 * MB + 16 * MB + 16_777_216 + 180 * MB]);
    expect(state.others).toEqual([7, 99]);
  });

  it("leaves calls without a memory quota out of the kernel's groups", async () => {
    const { clock, cgroup } = watching({ cpuMs: 100 }, { cpuMs: 0, memoryBytes: 0 });
    await clock.advance(1_000);
    expect(cgroup.rooms).toEqual([]);
  });

  it("tells what the kernel has killed for, though the samples never saw it", async () => {
    const { clock, cgroup, exceeded, kernelExcess } = watching({ memoryBytes: MB }, { cpuMs: 0, memoryBytes: 0 });
    expect(kernelExcess()).toBeUndefined();
    cgroup.exhaustedBytes = 3 * MB;
    await clock.advance(5);
    const excess = { quota: "memory", observed: 3 * MB, limit: MB };
    expect(exceeded).toEqual([excess]);
    expect(kernelExcess()).toEqual(excess);
  });
});
