import { AsyncLocalStorage } from "node:async_hooks";
import { execFileSync, spawn } from "node:child_process";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Clock } from "./clock.ts";
import { createSystemClock } from "./system-clock.ts";

let systemClock: Clock;

beforeEach(() => {
  vi.useFakeTimers();
  systemClock = createSystemClock();
});
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

/** A program in which nothing but its timers wakes the loop. */
function printedBy(program: string): string {
  vi.useRealTimers();
  const source = `import { systemClock } from ${JSON.stringify(new URL("./system-clock.ts", import.meta.url).href)};${program}`;
  return execFileSync(process.execPath, ["--input-type=module", "-e", source], { timeout: 10_000 }).toString();
}

it("serves any number of timers with one of Node's, in the order in which they are due", () => {
  const fired: number[] = [];
  const timers = [5, 3, 9, 3].map((delayMs, index) => systemClock.setTimer(delayMs, () => fired.push(index)));
  timers[2]?.cancel();
  expect(vi.getTimerCount()).toBe(1);
  vi.advanceTimersByTime(20);
  expect(fired).toEqual([1, 3, 0]);
});

it("keeps the process alive only for timers that are to", () => {
  expect(
    printedBy(`
      systemClock.setTimer(60_000, () => {}).unref();
      systemClock.setTimer(50_000, () => {}).cancel();
      systemClock.setTimer(20, () => console.log("fired"));
      const never = systemClock.setTimer(30_000, () => console.log("never"));
      never.cancel();
      never.unref();
    `),
  ).toBe("fired\n");
});

it("fires in time where nothing else wakes the loop and it keeps nothing alive", () => {
  expect(
    printedBy(`
      systemClock.setTimer(5, () => console.log(performance.now() - sinceMs < 700 ? "in time" : "late")).unref();
      const sinceMs = performance.now();
      setTimeout(() => {}, 1_200);
    `),
  ).toBe("in time\n");
});

it("fires in the context of no call", async () => {
  vi.useRealTimers();
  const store = new AsyncLocalStorage<string>();
  const seen = await new Promise((resolve) => {
    store.run("alice", () => systemClock.setTimer(1, () => resolve(store.getStore())));
  });
  expect(seen).toBeUndefined();
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
