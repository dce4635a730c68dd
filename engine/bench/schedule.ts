import { fingerprint } from "../src/call/fingerprint.ts";
import { encodeValue } from "../src/call/values.ts";
import type { Ticket } from "../src/scheduling/lane.ts";
import { Permits } from "../src/scheduling/permits.ts";
import { waitForPermits } from "../src/scheduling/wait-for-permits.ts";
import { ResultCache } from "../src/state/result-cache.ts";
import { restoreSnapshot, takeSnapshot } from "../src/state/snapshot.ts";
import { systemClock } from "../src/util/system-clock.ts";

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const ROUNDS = 30;
const CALLS = 5_000;

/** One slot, and so many calls that wait: a call joins the queue, the running one ends, the next is chosen. */
function scheduler(waiting: number): () => void {
  const permits = new Permits({ maxConcurrent: 1 });
  const need = permits.need({ tool: "t", maxConcurrent: 8, resources: ["db"] });
  let current: Ticket | undefined;
  let count = 0;
  const submit = (): void => {
    const granted = (): void => {
      current = ticket;
    };
    const ticket: Ticket = permits.request({ need, run: count++ % 100, granted });
    if (ticket.state.type === "granted") granted();
  };
  for (let index = 0; index <= waiting; index++) submit();
  return () => {
    submit();
    if (current) permits.end(current);
  };
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

function measure(contenders: Readonly<Record<string, () => void>>): Record<string, number> {
  const samples = new Map(Object.keys(contenders).map((name) => [name, [] as number[]]));
  for (let round = -3; round < ROUNDS; round++) {
    for (const [name, run] of Object.entries(contenders)) {
      const beganAtMs = performance.now();
      for (let index = 0; index < CALLS; index++) run();
      if (round >= 0) samples.get(name)?.push(((performance.now() - beganAtMs) * 1_000) / CALLS);
    }
  }
  return Object.fromEntries([...samples].map(([name, values]) => [name, median(values)]));
}

const costs = measure({ "10": scheduler(10), "1,000": scheduler(1_000), "10,000": scheduler(10_000) });
say("A call joins the queue, another ends, the next one is chosen (engine, tool and resource; 100 runs):");
for (const [waiting, cost] of Object.entries(costs)) say(`  ${waiting.padStart(6)} waiting  ${cost.toFixed(2)} µs`);
say(`  10,000 against 10: ${((costs["10,000"] ?? 0) / (costs["10"] ?? 1)).toFixed(2)} times`);

const WAITERS = 10_000;
const permits = new Permits({ maxConcurrent: 1 });
const need = permits.need({ tool: "t", maxConcurrent: null, resources: [] });
const claim = (): unknown =>
  waitForPermits(
    permits,
    { need, run: "r", granted: () => undefined },
    { limitMs: 60_000, expired: () => undefined },
    systemClock,
  );
const collect = globalThis.gc;
if (!collect) throw new Error("run with --expose-gc");
collect();
const before = process.memoryUsage().heapUsed;
const claims = Array.from({ length: WAITERS }, claim);
collect();
const bytes = (process.memoryUsage().heapUsed - before) / claims.length;
say(`\nA waiting call with its timer: ${Math.round(bytes)} bytes`);
for (const waiting of claims as { end(): void }[]) waiting.end();

const cache = new ResultCache({ maxCacheEntries: 1_000, maxCacheBytes: 64_000_000, cacheTtlMs: 60_000 }, systemClock);
const value = { rows: Array.from({ length: 10 }, (_, id) => ({ id, name: `row ${id}`, tags: ["a", "b"] })) };
const input = { query: "select", limit: 10 };
const snapshot = takeSnapshot(value);
if (!snapshot) throw new Error("the value cannot be kept");
const fingerprintOf = (value: unknown): string => fingerprint("t", encodeValue(value));
cache.store(fingerprintOf(input), { ...snapshot, digest: null, preview: null });
const key = fingerprintOf(input);
const cached = measure({
  "fingerprint, look, a copy of the value": () => {
    const found = cache.get(fingerprintOf(input));
    if (!found || found.form === "opaque" || restoreSnapshot({ ...found, form: found.form }) === value)
      throw new Error("no copy");
  },
  "the look alone": () => void cache.get(key),
});
say(`\nA cached result of ${snapshot.bytes.byteLength} bytes:`);
for (const [name, cost] of Object.entries(cached)) say(`  ${cost.toFixed(2).padStart(6)} µs  ${name}`);
