import { expect, it } from "vitest";
import { FakeClock } from "../../test/support/fake-clock.ts";
import type { PressureAction } from "./pressure.ts";
import { PressureMonitor } from "./pressure-monitor.ts";

function monitorOf() {
  const clock = new FakeClock();
  const machine = { memoryFraction: 0.2, memoryLimitBytes: 1_000, cpuUsedMs: 0, cpuCount: 1 };
  const actions: PressureAction[] = [];
  let looks = 0;
  const calls = { inFlight: true };
  const monitor = new PressureMonitor({
    clock,
    isBusy: () => calls.inFlight,
    queueLength: () => 0,
    act: (action) => actions.push(action),
    readMachine: () => {
      looks++;
      return { ...machine };
    },
  });
  return { clock, machine, calls, actions, monitor, looks: () => looks };
}

it("looks twice a second while calls are in flight, with a timer that keeps no process alive, and has none without them", async () => {
  const { clock, calls, monitor, looks } = monitorOf();
  monitor.resume();
  monitor.resume();
  await clock.advance(2_000);
  expect([looks(), clock.pendingCount, clock.unrefedCount]).toEqual([5, 0, 1]);
  calls.inFlight = false;
  await clock.advance(2_000);
  expect([looks(), clock.unrefedCount]).toEqual([6, 0]);
  calls.inFlight = true;
  monitor.resume();
  monitor.pause();
  monitor.pause();
  await clock.advance(2_000);
  expect([looks(), clock.unrefedCount]).toEqual([7, 0]);
});

it("goes on without calls until what was done against pressure is undone", async () => {
  const { clock, machine, calls, actions, monitor } = monitorOf();
  machine.memoryFraction = 0.93;
  monitor.resume();
  calls.inFlight = false;
  await clock.advance(500);
  machine.memoryFraction = 0.2;
  await clock.advance(20_000);
  expect([monitor.measures, clock.unrefedCount]).toEqual([[], 0]);
  expect(actions.at(-1)).toEqual({ type: "set-concurrency", fraction: 1, isForMemory: false });
});

it("rejects while memory is short, says for how long, and takes calls again although none was in flight", async () => {
  const { clock, machine, monitor } = monitorOf();
  monitor.resume();
  expect(monitor.rejectsForMs).toBeUndefined();
  machine.memoryFraction = 0.96;
  await clock.advance(500);
  expect(monitor.rejectsForMs).toBe(5_000);
  expect(monitor.measures).toEqual(["shrink-reserve", "lower-concurrency", "recycle-idle", "reject-calls"]);
  monitor.pause();
  machine.memoryFraction = 0.2;
  for (const waitMs of [1_000, 2_000, 3_000]) {
    await clock.advance(waitMs);
    monitor.look();
  }
  expect(monitor.rejectsForMs).toBeUndefined();
});

it("tells what to do with the figure that brought it", async () => {
  const { clock, machine, actions, monitor } = monitorOf();
  machine.memoryFraction = 0.91;
  monitor.resume();
  expect(actions).toContainEqual({
    type: "measure-begin",
    measure: "lower-concurrency",
    figure: "memoryFraction",
    observed: 0.91,
  });
  expect(actions.at(-1)).toEqual({ type: "set-concurrency", fraction: 0.5, isForMemory: true });
  monitor.pause();
  await clock.advance(0);
});
