import { spawn } from "node:child_process";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { systemClock } from "./clock.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it("fires once, and not before its time", () => {
  const fire = vi.fn();
  systemClock.setTimer(1_000.4, fire);
  vi.advanceTimersByTime(1_000);
  expect(fire).not.toHaveBeenCalled();
  vi.advanceTimersByTime(2);
  expect(fire).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(5_000);
  expect(fire).toHaveBeenCalledTimes(1);
});

it("waits longer than Node's longest timer", () => {
  const fire = vi.fn();
  systemClock.setTimer(40 * 86_400_000, fire);
  vi.advanceTimersByTime(39 * 86_400_000);
  expect(fire).not.toHaveBeenCalled();
  vi.advanceTimersByTime(86_400_001);
  expect(fire).toHaveBeenCalledTimes(1);
});

it("does not fire once cancelled", () => {
  const fire = vi.fn();
  systemClock.setTimer(10, fire).cancel();
  vi.advanceTimersByTime(20);
  expect(fire).not.toHaveBeenCalled();
  expect(vi.getTimerCount()).toBe(0);
});

it("fires after what has come while the loop was busy: what was in time is not late", async () => {
  vi.useRealTimers();
  const order: string[] = [];
  const child = spawn(process.execPath, ["-e", "process.stdin.once('data', () => process.stdout.write('answer'))"]);
  child.stdout.once("data", () => order.push("read"));
  await new Promise((resolve) => child.once("spawn", resolve));
  child.stdin.write("question");
  await new Promise<void>((resolve) => {
    setImmediate(() => {
      systemClock.setTimer(1, () => {
        order.push("fired");
        resolve();
      });
      const untilMs = performance.now() + 1_000;
      while (performance.now() < untilMs);
    });
  });
  child.kill();
  expect(order).toEqual(["read", "fired"]);
});
