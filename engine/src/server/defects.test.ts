import { expect, test } from "vitest";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { Defects } from "./defects.ts";

test("each is told and the engine goes on, until there are too many at once", async () => {
  const clock = new FakeClock();
  const told: string[] = [];
  let gaveUp = 0;
  const defects = new Defects(
    clock,
    (text) => told.push(text),
    () => {
      gaveUp += 1;
    },
  );
  for (let count = 0; count < 40; count += 1) {
    defects.happened(new Error("a slow drip"));
    await clock.advance(5_000);
  }
  expect(gaveUp).toBe(0);
  expect(told[0]).toMatch(/^endstop: an error in the engine, which goes on: Error: a slow drip\n/);
  for (let count = 0; count < 20; count += 1) defects.happened("a flood");
  expect(gaveUp).toBeGreaterThan(0);
  expect(told.at(-1)).toBe("endstop: an error in the engine, which ends: a flood\n");
});
