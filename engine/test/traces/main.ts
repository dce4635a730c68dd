import { parseArgs } from "node:util";
import type { Preset } from "../../src/policy/options.generated.ts";
import { Random } from "../simulation/random.ts";
import { healthy } from "./healthy.ts";
import { asTrace, loops } from "./loops.ts";
import { firstRejection, type Replayed, replay } from "./replay.ts";
import type { Trace } from "./trace.ts";

/** Prints what each preset does with healthy histories (false alarms) and with planted loops (misses). */
const { values } = parseArgs({ options: { seed: { type: "string" }, histories: { type: "string", default: "500" } } });
const first = values.seed === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(values.seed);
const count = Number(values.histories);
const PRESETS: readonly Preset[] = ["lenient", "standard", "strict"];
const say = (text: string): void => void process.stdout.write(`${text}\n`);

function table(title: string, kinds: readonly (readonly [string, (preset: Preset) => string])[]): void {
  const width = Math.max(...kinds.map(([name]) => name.length));
  say(`\n${title.padEnd(width + 4)}${PRESETS.map((preset) => preset.padStart(26)).join("")}`);
  for (const [name, cell] of kinds) {
    say(`  ${name.padEnd(width + 2)}${PRESETS.map((preset) => cell(preset).padStart(26)).join("")}`);
  }
}

/** Other seeds for each kind: with the same ones all would be equally long. */
function each<Result>(name: string, make: (random: Random) => Result): Result[] {
  const ofKind = [...name].reduce((sum, character) => (sum * 31 + character.charCodeAt(0)) % 2 ** 32, 7);
  return Array.from({ length: count }, (_, at) => make(new Random(first + at + ofKind * 2 ** 20)));
}

function share<Item>(items: readonly Item[], holds: (item: Item) => boolean): string {
  const held = items.filter(holds).length;
  return held === 0 ? "-" : `${((held * 100) / items.length).toFixed(held === items.length ? 0 : 1)} %`;
}

const isTold = (replayed: readonly Replayed[]): boolean => replayed.some(({ notice }) => notice !== null);
const isRejected = (replayed: readonly Replayed[]): boolean => firstRejection(replayed) !== undefined;
const hasEnded = (replayed: readonly Replayed[]): boolean => replayed.some(({ code }) => code === "agent-ended");

function alarms(traces: readonly Trace[], preset: Preset): string {
  const all = traces.map((trace) => replay(trace, preset));
  return [isTold, isRejected, hasEnded].map((what) => share(all, what)).join(" / ");
}

say(`seed ${first}, ${count} histories of each kind`);
table(
  "healthy: told / rejected / agent ended",
  Object.entries(healthy).map(([name, { make }]) => [name, (preset) => alarms(each(name, make), preset)]),
);
table(
  "loops: missed / at which call stopped, at most",
  Object.entries(loops).map(([name, { make }]) => [
    name,
    (preset) => {
      const stoppedAt = each(name, make).map((planted) => {
        const rejectedAt = firstRejection(replay(asTrace(planted), preset));
        return rejectedAt === undefined ? undefined : rejectedAt - planted.before.length;
      });
      const stopped = stoppedAt.filter((at) => at !== undefined);
      return `${share(stoppedAt, (at) => at === undefined)} / ${stopped.length > 0 ? Math.max(...stopped) : "never"}`;
    },
  ]),
);
