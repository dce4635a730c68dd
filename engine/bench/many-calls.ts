import { setTimeout as sleep } from "node:timers/promises";
import pLimit from "p-limit";
import PQueue from "p-queue";
import { createEngine } from "../src/index.ts";

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const BODY_MS = 100;
const ROUNDS = 3;
const BOUND = 1_000;
/** How many at once, and how many of them may run: all, or as many as the bound. The most are measured once: whether it grows as their number does. */
const CASES = [
  { calls: 10_000, bound: null, rounds: ROUNDS },
  { calls: 40_000, bound: null, rounds: ROUNDS },
  { calls: 100_000, bound: null, rounds: ROUNDS },
  { calls: 10_000, bound: BOUND, rounds: ROUNDS },
  { calls: 40_000, bound: BOUND, rounds: ROUNDS },
  { calls: 100_000, bound: BOUND, rounds: ROUNDS },
  { calls: 300_000, bound: null, rounds: 1 },
] as const;
const UNBOUND = Number.POSITIVE_INFINITY;
const collect = globalThis.gc;
if (!collect) throw new Error("run with --expose-gc");

const body = async ({ n }: { readonly n: number }): Promise<number> => {
  await sleep(BODY_MS);
  return n;
};

type Contender = (n: number) => Promise<unknown>;

/** Each with the same bound, and the same bound on how long a body may take where it has one. */
function contendersOf(bound: number | null): Readonly<Record<string, Contender>> {
  const engine = createEngine();
  engine.register({ name: "sleep", run: body, waitTimeout: null, maxConcurrent: bound });
  const limit = pLimit(bound ?? UNBOUND);
  const queue = new PQueue({ concurrency: bound ?? UNBOUND });
  const timed = new PQueue({ concurrency: bound ?? UNBOUND, timeout: 120_000 });
  return {
    endstop: async (n) => {
      const outcome = await engine.call("sleep", { n });
      return outcome.status === "succeeded" ? outcome.value : outcome.failure.code;
    },
    "p-limit": (n) => limit(() => body({ n })),
    "p-queue": (n) => queue.add(() => body({ n })),
    "p-queue with a timeout": (n) => timed.add(() => body({ n })),
  };
}

interface Figures {
  readonly wallMs: number;
  readonly cpuMs: number;
}

async function measure(call: Contender, calls: number): Promise<Figures> {
  collect?.();
  const beganAtMs = performance.now();
  const cpu = process.cpuUsage();
  const results = await Promise.all(Array.from({ length: calls }, (_, n) => call(n)));
  const { user, system } = process.cpuUsage(cpu);
  const figures = { wallMs: performance.now() - beganAtMs, cpuMs: (user + system) / 1_000 };
  const wrong = results.find((result, n) => result !== n);
  if (wrong !== undefined) throw new Error(`a wrong result: ${String(wrong)}`);
  return figures;
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

say(`Calls at once of a body that waits ${BODY_MS} ms; median of ${ROUNDS} rounds, one of each in turn. Beside a peer`);
say("stands how many times its time Endstop takes, by the clock and by processor time:");
for (const { calls, bound, rounds: count } of CASES) {
  const contenders = contendersOf(bound);
  const rounds = new Map<string, Figures[]>(Object.keys(contenders).map((name) => [name, []]));
  for (let round = count > 1 ? -1 : 0; round < count; round++) {
    for (const [name, call] of Object.entries(contenders)) {
      const figures = await measure(call, calls);
      if (round >= 0) rounds.get(name)?.push(figures);
    }
  }
  say(`\n${calls.toLocaleString("en")} at once${bound === null ? "" : `, ${bound.toLocaleString("en")} of them run`}:`);
  const medians = [...rounds].map(([name, each]) => ({
    name,
    wallMs: median(each.map(({ wallMs }) => wallMs)),
    cpuMs: median(each.map(({ cpuMs }) => cpuMs)),
  }));
  const [own] = medians;
  for (const { name, wallMs, cpuMs } of medians) {
    const ratios =
      own && name !== own.name
        ? `  ${(own.wallMs / wallMs).toFixed(2)} by clock, ${(own.cpuMs / cpuMs).toFixed(2)} by processor`
        : "";
    say(`  ${wallMs.toFixed(0).padStart(6)} ms, ${cpuMs.toFixed(0).padStart(6)} of processor  ${name}${ratios}`);
  }
}
