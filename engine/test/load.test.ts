import { setTimeout as sleep } from "node:timers/promises";
import { expect, it, onTestFinished } from "vitest";
import { createEngine } from "../src/index.ts";

it("10,000 concurrent calls that wait for something end, each with its own result, at once and with a cap", async () => {
  const engine = createEngine({ resources: { api: 2_000 } });
  onTestFinished(() => engine.close());
  let running = 0;
  const most = { free: 0, capped: 0 };
  for (const name of ["free", "capped"] as const) {
    engine.register({
      name,
      resources: name === "capped" ? ["api"] : [],
      run: async (input: { n: number }) => {
        most[name] = Math.max(most[name], ++running);
        await sleep(100);
        running--;
        return input.n;
      },
    });
    const outcomes = await Promise.all(Array.from({ length: 10_000 }, (_, n) => engine.call(name, { n })));
    expect(outcomes.every((outcome, n) => outcome.status === "succeeded" && outcome.value === n)).toBe(true);
  }
  expect(most.capped).toBe(2_000);
  expect(most.free).toBeGreaterThan(2_000);
  const { inFlight, waiting, total, permits } = engine.stats();
  expect([inFlight, waiting, total.byStatus]).toEqual([0, 0, { succeeded: 20_000 }]);
  expect(Object.values(permits).every(({ inUse }) => inUse === 0)).toBe(true);
});
