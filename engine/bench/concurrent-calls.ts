import { setTimeout as sleep } from "node:timers/promises";
import { bulkhead, TimeoutStrategy, timeout, wrap } from "cockatiel";
import { createEngine } from "../src/index.ts";

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const CALLS = 10_000;
const BODY_MS = 100;
const ROUNDS = 3;
const CAP = 1_000;

const body = async ({ n }: { readonly n: number }): Promise<number> => {
  await sleep(BODY_MS);
  return n;
};

const engine = createEngine({ resources: { api: CAP } });
engine.register({ name: "free", run: body });
engine.register({ name: "capped", resources: ["api"], run: body });

function engineCalls(tool: string): () => Promise<unknown[]> {
  return () =>
    Promise.all(
      Array.from({ length: CALLS }, async (_, n) => {
        const outcome = await engine.call(tool, { n });
        return outcome.status === "succeeded" ? outcome.value : outcome.failure.code;
      }),
    );
}

function peerCalls(cap: number): () => Promise<unknown[]> {
  const policies = wrap(bulkhead(cap, CALLS), timeout(120_000, TimeoutStrategy.Aggressive));
  return () => Promise.all(Array.from({ length: CALLS }, (_, n) => policies.execute(() => body({ n }))));
}

const contenders: Readonly<Record<string, () => Promise<unknown[]>>> = {
  "all at once: endstop": engineCalls("free"),
  "all at once: cockatiel, bulkhead and timeout": peerCalls(CALLS),
  "all at once: the bodies alone": () => Promise.all(Array.from({ length: CALLS }, (_, n) => body({ n }))),
  [`${CAP} at a time: endstop`]: engineCalls("capped"),
  [`${CAP} at a time: cockatiel, bulkhead and timeout`]: peerCalls(CAP),
};

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

const times = new Map(Object.keys(contenders).map((name) => [name, [] as number[]]));
for (let round = -1; round < ROUNDS; round++) {
  for (const [name, run] of Object.entries(contenders)) {
    const beganAtMs = performance.now();
    const results = await run();
    const tookMs = performance.now() - beganAtMs;
    if (!results.every((result, n) => result === n)) throw new Error(`${name}: wrong results`);
    if (round >= 0) times.get(name)?.push(tookMs);
  }
}
say(`${CALLS} concurrent calls of a body that waits ${BODY_MS} ms:`);
for (const [name, each] of times) say(`  ${median(each).toFixed(0).padStart(6)} ms  ${name}`);

// Bodies that never end until they are asked to: one runs, the others wait.
const collect = globalThis.gc;
if (!collect) throw new Error("run with --expose-gc");
async function bytesOf(tool: string, count: number): Promise<number> {
  const ends = new AbortController();
  engine.register({
    name: tool,
    timeout: "1h",
    ...(tool === "waiting" ? { maxConcurrent: 1 } : {}),
    run: () => new Promise<void>((done) => ends.signal.addEventListener("abort", () => done())),
  });
  collect?.();
  const before = process.memoryUsage().heapUsed;
  const calls = Array.from({ length: count }, (_, n) => engine.call(tool, { n }));
  await sleep(10);
  collect?.();
  const bytes = (process.memoryUsage().heapUsed - before) / count;
  ends.abort();
  // What waits runs into the signal that has fired already: it is cancelled with the engine.
  if (tool === "waiting") engine.destroy();
  await Promise.all(calls);
  return bytes;
}
say(`\nHeap of a call of ${CALLS}, with its promise, input and timer:`);
say(`  ${Math.round(await bytesOf("running", CALLS))} bytes  while its body waits`);
say(`  ${Math.round(await bytesOf("waiting", CALLS))} bytes  while it waits for its turn`);
