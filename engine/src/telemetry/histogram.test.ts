import fc from "fast-check";
import { expect, it } from "vitest";
import { Histogram } from "./histogram.ts";

it("gives percentiles within 2 % of the exact ones", () => {
  const durations = fc.array(fc.double({ min: 0.001, max: 1e8, noNaN: true }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(durations, (values) => {
      const histogram = new Histogram();
      for (const value of values) histogram.add(value);
      const sorted = values.toSorted((a, b) => a - b);
      const { count, max, ...percentiles } = histogram.percentiles;
      expect([count, max]).toEqual([values.length, sorted.at(-1)]);
      for (const [name, quantile] of [
        ["p50", 0.5],
        ["p95", 0.95],
        ["p99", 0.99],
      ] as const) {
        const exact = sorted[Math.ceil(quantile * values.length) - 1] as number;
        expect(Math.abs(percentiles[name] - exact) / exact).toBeLessThanOrEqual(0.0201);
      }
    }),
  );
});

it("gives zeros for nothing and for what takes no time, and bounds what takes for ever", () => {
  expect(new Histogram().percentiles).toEqual({ count: 0, p50: 0, p95: 0, p99: 0, max: 0 });
  const histogram = new Histogram();
  for (const value of [0, 0, 0, 1e300]) histogram.add(value);
  expect(histogram.percentiles).toMatchObject({ p50: 0, max: 1e300 });
  expect(histogram.percentiles.p99).toBeGreaterThan(9e8);
});
