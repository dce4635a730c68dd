import { expect, test } from "vitest";
import { FakeClock } from "../../../test/support/fake-clock.ts";
import { Standstill } from "./standstill.ts";

function watch() {
  const clock = new FakeClock();
  const process = { isStopped: false, found: 0, looks: 0 };
  const standstill = new Standstill(
    clock,
    () => {
      process.looks += 1;
      return process.isStopped;
    },
    () => {
      process.found += 1;
    },
  );
  return { clock, process, standstill };
}

test("a process that owes an answer and is stopped is told of once, within two looks", async () => {
  const { clock, process, standstill } = watch();
  process.isStopped = true;
  standstill.asked();
  await clock.advance(1_999);
  expect(process.found).toBe(0);
  await clock.advance(1);
  expect(process.found).toBe(1);
  await clock.advance(10_000);
  expect(process.found).toBe(1);
  expect(clock.pendingCount).toBe(0);
});

test("a process that goes on in between, or computes for long, is left alone", async () => {
  const { clock, process, standstill } = watch();
  standstill.asked();
  for (const isStopped of [true, false, true, false]) {
    process.isStopped = isStopped;
    await clock.advance(1_000);
  }
  await clock.advance(60_000);
  expect(process.found).toBe(0);
});

test("a process that owes nothing is not looked at", async () => {
  const { clock, process, standstill } = watch();
  process.isStopped = true;
  standstill.asked();
  standstill.asked();
  standstill.answered();
  await clock.advance(1_000);
  standstill.answered();
  await clock.advance(10_000);
  expect([process.looks, process.found, clock.pendingCount]).toEqual([1, 0, 0]);
});
