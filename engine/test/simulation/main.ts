import { parseArgs } from "node:util";
import { Violation } from "./referee.ts";
import { simulate } from "./simulate.ts";

const { values } = parseArgs({ options: { seed: { type: "string" }, calls: { type: "string", default: "1000000" } } });
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(values.seed);
const say = (text: string): void => void process.stdout.write(`${text}\n`);

say(`seed ${seed}`);
const beganAtMs = performance.now();
try {
  const report = simulate(seed, Number(values.calls));
  say(JSON.stringify(report, null, 2));
  say(`every promise kept in ${((performance.now() - beganAtMs) / 1_000).toFixed(1)} s`);
} catch (error) {
  if (!(error instanceof Violation)) throw error;
  say(`violated: ${error.message}`);
  process.exitCode = 1;
}
