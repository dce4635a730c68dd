import { expect, it } from "vitest";
import { FakeClock } from "../../test/support/fake-clock.ts";
import type { PressureAction } from "./pressure.ts";
import { PressureMonitor } from "./pressure-monitor.ts";

function monitorOf() {
  const clock = new FakeClock();
  const machine = { memoryFraction: 0.2, memoryLimitBytes: 1_000, cpuUsedMs: 0, cpuCount: 1 };
  const actions: PressureAction[] = [];
  let looks = 0;
  const monitor = new PressureMonitor({
    clock,
    queueLength: () => 0,
    act: (action) => actions.push(action),
    readMachine: () => {
      looks++;
      return { ...machine };
    },
  });
  return { clock, machine, actions, monitor, looks: () => looks };
}

it("looks twice a second while calls are in flight, and has no timer without them", async () => {
  const { clock, monitor, looks } = monitorOf();
  monitor.resume();
  monitor.resume();
  await clock.advance(2_000);
  expect([looks(), clock.pendingCount]).toEqual([5, 1]);
  monitor.pause();
  monitor.pause();
  await clock.advance(2_000);
  expect([looks(), clock.pendingCount]).toEqual([5, 0]);
});

it("rejects while memory is short, says for how long, and takes calls again although none was in flight", async () => {
  const { clock, machine, monitor } = monitorOf();
  monitor.resume();
  expect(monitor.rejectsForMs).toBeUndefined();
  machine.memoryFraction = 0.95;
  await clock.advance(500);
  expect(monitor.rejectsForMs).toBe(5_000);
  expect(monitor.shrinksReserve).toBe(true);
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
  machine.memoryFraction = 0.83;
  monitor.resume();
  expect(actions).toContainEqual({
    type: "measure-begin",
    measure: "lower-concurrency",
    figure: "memoryFraction",
    observed: 0.83,
  });
  expect(actions.at(-1)).toEqual({ type: "set-concurrency", fraction: 0.5 });
  monitor.pause();
  await clock.advance(0);
});
