import { createEngine } from "../src/index.ts";

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const ROUNDS = 30;
const CALLS = 500;
const ROWS = Array.from({ length: 10 }, (_, id) => ({ id, name: `row ${id}`, tags: ["a", "b"] }));

const engine = createEngine();
let bodies = 0;
const run = (): typeof ROWS => {
  bodies++;
  return ROWS;
};
engine.register({ name: "cached", cache: true, readOnly: true, run });
engine.register({ name: "plain", readOnly: true, run });

const samples: Record<string, number[]> = { cached: [], plain: [] };
for (let round = -3; round < ROUNDS; round++) {
  for (const [tool, taken] of Object.entries(samples)) {
    for (let n = 0; n < CALLS; n++) {
      const beganAtMs = performance.now();
      const outcome = await engine.call(tool, { query: "select", limit: 10 });
      if (round >= 0) taken.push((performance.now() - beganAtMs) * 1_000);
      if (outcome.status !== "succeeded") throw new Error(outcome.failure.message);
    }
  }
}
const expected = 1 + (ROUNDS + 3) * CALLS;
if (bodies !== expected) throw new Error(`${bodies} bodies instead of ${expected}: the cache was not used`);
const p50 = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
say(`TypeScript, a result of ${JSON.stringify(ROWS).length} B (p50):`);
say(
  `  ${p50(samples.cached ?? [])
    .toFixed(1)
    .padStart(6)} µs  answered from the cache`,
);
say(
  `  ${p50(samples.plain ?? [])
    .toFixed(1)
    .padStart(6)} µs  its body, which does nothing`,
);
await engine.close();
