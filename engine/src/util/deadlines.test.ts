import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { Deadlines } from "./deadlines.ts";

test("each fires once, at its instant, unless it was called off", async () => {
  // Deadlines pass at even instants and are called off at odd ones: at one and the same either may come first.
  const even = fc.nat(25).map((half) => half * 2);
  const step = fc.record({ afterMs: even, delayMs: even, callOffAfterMs: fc.option(even.map((ms) => ms + 1)) });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const clock = new FakeClock();
      const deadlines = new Deadlines(clock);
      const fired: string[] = [];
      const expected: string[] = [];
      for (const [index, { afterMs, delayMs, callOffAfterMs }] of steps.entries()) {
        await clock.advance(afterMs);
        const dueMs = clock.now() + delayMs;
        const callOff = deadlines.set(delayMs, () => fired.push(`${index} at ${clock.now()}`));
        const isCalledOff = callOffAfterMs !== null && callOffAfterMs < delayMs;
        if (callOffAfterMs !== null) clock.setTimer(callOffAfterMs, callOff);
        if (!isCalledOff) expected.push(`${index} at ${dueMs}`);
      }
      await clock.advance(200);
      expect(fired.toSorted()).toEqual(expected.toSorted());
      expect(clock.pendingCount).toBe(0);
    }),
  );
});

test("many that are called off share one timer, and one more for what is due earlier", () => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  for (let call = 0; call < 100; call += 1) deadlines.set(120_000, () => undefined)();
  expect(clock.pendingCount).toBe(1);
  deadlines.set(100, () => undefined);
  expect(clock.pendingCount).toBe(1);
  deadlines.close();
  expect(clock.pendingCount).toBe(0);
});

test("what fires may call another off that is due at the same instant, and set one", async () => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const fired: string[] = [];
  deadlines.set(10, () => {
    fired.push("first");
    callOff();
    deadlines.set(5, () => fired.push("third"));
  });
  const callOff = deadlines.set(10, () => fired.push("second"));
  await clock.advance(15);
  expect(fired).toEqual(["first", "third"]);
});

test("an instant is the clock's, however late it is set, and one that has passed comes at once", async () => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const fired: string[] = [];
  const startedAtMs = clock.now();
  await clock.advance(30);
  deadlines.setAt(startedAtMs + 100, () => fired.push(`after ${clock.now() - startedAtMs}`));
  deadlines.setAt(startedAtMs + 20, () => fired.push(`after ${clock.now() - startedAtMs}`));
  await clock.advance(100);
  expect(fired).toEqual(["after 30", "after 100"]);
});

test("one that fails is an error of the process, and the others come all the same", async () => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const errors: unknown[] = [];
  const listeners = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  process.on("uncaughtException", (error) => errors.push(error));
  onTestFinished(() => {
    process.removeAllListeners("uncaughtException");
    for (const listener of listeners) process.on("uncaughtException", listener);
  });
  const fired: string[] = [];
  const broken = new Error("broken");
  deadlines.set(10, () => {
    throw broken;
  });
  deadlines.set(10, () => fired.push("beside it"));
  deadlines.set(20, () => fired.push("after it"));
  await clock.advance(20);
  expect({ fired, errors }).toEqual({ fired: ["beside it", "after it"], errors: [broken] });
});
