import {
  bulkhead,
  ConsecutiveBreaker,
  circuitBreaker,
  handleAll,
  retry,
  TimeoutStrategy,
  timeout,
  wrap,
} from "cockatiel";
import { createEngine, type RunHandle } from "../src/api/engine.ts";
import { ownFingerprint, readInput } from "../src/call/fingerprint.ts";
import { EngineCore } from "../src/pipeline/core.ts";
import type { EngineOptions, PolicyOptions } from "../src/policy/policy.ts";
import { Run } from "../src/state/run.ts";
import { compileInputSchema } from "../src/tool/input-schema.ts";
import { systemClock } from "../src/util/system-clock.ts";

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const ROUNDS = 100;
const WARM_UP_ROUNDS = 20;
const CALLS = 100;
const NEVER = 1_000_000_000;

/** Every guard has something to look at, and rejects nothing at the speed of this benchmark. */
const ENGINE: EngineOptions = {
  budgetCalls: NEVER,
  budgetFailures: NEVER,
  budgetWallTime: "24h",
  budgetToolTime: "24h",
  sameResultReject: NEVER,
};
const TOOL: PolicyOptions = {
  timeout: "30s",
  maxCalls: NEVER,
  maxCallsPerRun: NEVER,
  maxInFlight: 10,
  rateLimit: "1000/1ms",
  maxConsecutiveFailures: 5,
};
const SCHEMA = {
  type: "object",
  properties: { query: { type: "string" }, page: { type: "integer" }, filters: { type: "array" } },
  required: ["query", "page"],
  additionalProperties: false,
};

/** An input of about so many bytes of JSON, another one each time. */
function inputOf(bytes: number, page: number): unknown {
  const head = { query: "what the weather is like in Hamburg in the morning", page };
  const row = { field: "title", operator: "contains", value: "a value" };
  const rows = Math.max(0, Math.round((bytes - JSON.stringify(head).length - 13) / (JSON.stringify(row).length + 1)));
  return { ...head, filters: Array.from({ length: rows }, (_, at) => ({ ...row, value: `a value ${at % 10}` })) };
}

interface Contender {
  readonly name: string;
  /** Before each round; not measured. */
  prepare(): void | Promise<void>;
  call(): void | Promise<void>;
}

/** What the core and its caller do for one call that has no body: check, fingerprint, admit, end. */
function admitter(bytes: number): (run: Run, number: number) => void {
  const core = new EngineCore(ENGINE, systemClock, "bench");
  core.setPolicy("search", TOOL);
  const validate = compileInputSchema(SCHEMA, "search");
  const inputs = Array.from({ length: CALLS }, (_, at) => inputOf(bytes, at)) as object[];
  return (run, number) => {
    const input = { ...inputs[number % CALLS], page: number };
    const validation = validate(input);
    if (validation instanceof Promise || "detail" in validation) throw new Error("the input does not fit");
    const { encoded, text = "", names } = readInput(input);
    const request = { tool: "search", input: encoded, names, fingerprint: ownFingerprint("search", text), run };
    const call = core.submit(request, () => undefined);
    core.start(call);
    core.end(call, 1, { type: "returned", digest: `result ${number}`, preview: null });
    if (call.state.type !== "settled" || call.state.outcome.status !== "succeeded") throw new Error("rejected");
  };
}

const newRun = (): Run => new Run("bench", systemClock.now());

function admission(history: number, bytes: number): Contender {
  const admit = admitter(bytes);
  let run = newRun();
  let calls = 0;
  const call = (): void => admit(run, ++calls);
  const prepare = (): void => {
    if (calls >= history && calls < history * 2) return;
    run = newRun();
    for (calls = 0; calls < history; ) call();
  };
  return { name: label(history, bytes), prepare, call };
}

/** The same through the door, with a body that does nothing. */
function wholeCall(history: number, bytes: number): Contender {
  const engine = createEngine(ENGINE);
  engine.register({ name: "search", inputSchema: SCHEMA, run: ({ page }: { page: number }) => page, ...TOOL });
  const inputs = Array.from({ length: CALLS }, (_, at) => inputOf(bytes, at)) as object[];
  let run: RunHandle = engine.run();
  let calls = 0;
  const call = async (): Promise<void> => {
    calls += 1;
    const outcome = await run.call("search", { ...inputs[calls % CALLS], page: calls });
    if (outcome.status !== "succeeded" || outcome.value !== calls) throw new Error(JSON.stringify(outcome));
  };
  const prepare = async (): Promise<void> => {
    if (calls >= history && calls < history * 2) return;
    run = engine.run();
    for (calls = 0; calls < history; ) await call();
  };
  return { name: label(history, bytes), prepare, call };
}

/** Timeout, retry, breaker and bulkhead around a body that does nothing. They look at no input and keep no history. */
function cockatiel(): Contender {
  const policy = wrap(
    retry(handleAll, { maxAttempts: 3 }),
    circuitBreaker(handleAll, { halfOpenAfter: 30_000, breaker: new ConsecutiveBreaker(5) }),
    bulkhead(10),
    timeout(30_000, TimeoutStrategy.Aggressive),
  );
  let calls = 0;
  return {
    name: "its four policies",
    prepare: () => undefined,
    call: async () => {
      calls += 1;
      if ((await policy.execute(() => calls)) !== calls) throw new Error("another result");
    },
  };
}

/** What no call that checks its input and compares it can do without: the schema, and each part of the input read once, as V8 itself reads it. */
function floor(bytes: number): Contender {
  const validate = compileInputSchema(SCHEMA, "search");
  const inputs = Array.from({ length: CALLS }, (_, at) => inputOf(bytes, at)) as object[];
  let calls = 0;
  return {
    name: "Ajv's check and JSON.stringify alone",
    prepare: () => undefined,
    call: () => {
      calls += 1;
      const input = { ...inputs[calls % CALLS], page: calls };
      const validation = validate(input);
      if (validation instanceof Promise || "detail" in validation || JSON.stringify(input) === "")
        throw new Error("the input does not fit");
    },
  };
}

function label(history: number, bytes: number): string {
  return `${history.toLocaleString("en")} calls of history, ${bytes.toLocaleString("en")} B`;
}

/** Every contender in turn, in each round; each call is timed by itself. */
async function measure(contenders: readonly Contender[]): Promise<Map<Contender, readonly number[]>> {
  const samples = new Map(contenders.map((contender) => [contender, [] as number[]]));
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round += 1) {
    for (const [contender, values] of samples) {
      await contender.prepare();
      for (let number = 0; number < CALLS; number += 1) {
        const beganAtMs = performance.now();
        const pending = contender.call();
        if (pending) await pending;
        const tookMicroseconds = (performance.now() - beganAtMs) * 1_000;
        if (round >= 0) values.push(tookMicroseconds);
      }
    }
  }
  return new Map([...samples].map(([contender, values]) => [contender, values.toSorted((a, b) => a - b)]));
}

/** Heap that runs keep for each call that they have seen: of several runs together, so that it stands out. */
function historyBytes(calls: number): number {
  const collect = globalThis.gc;
  if (!collect) throw new Error("run with --expose-gc");
  const admit = admitter(100);
  const fill = (run: Run): Run => {
    for (let number = 0; number < calls; number += 1) admit(run, number);
    return run;
  };
  fill(newRun());
  const runs = Array.from({ length: Math.ceil(100_000 / calls) }, newRun);
  collect();
  const before = process.memoryUsage().heapUsed;
  for (const run of runs) fill(run);
  collect();
  const grown = process.memoryUsage().heapUsed - before;
  return grown / runs.reduce((sum, { bodies }) => sum + bodies, 0);
}

const SHAPES = [
  [10, 100],
  [1_000, 100],
  [100_000, 100],
  [1_000, 1_000],
  [1_000, 10_000],
] as const;
const groups = {
  "Admission of a validated input (check, fingerprint, all guards, admit, end)": SHAPES.map(([history, bytes]) =>
    admission(history, bytes),
  ),
  "The whole call through run.call, with a body that does nothing": SHAPES.map(([history, bytes]) =>
    wholeCall(history, bytes),
  ),
  cockatiel: [cockatiel()],
};
const results = await measure(Object.values(groups).flat());
for (const [title, contenders] of Object.entries(groups)) {
  say(`${title}:`);
  for (const contender of contenders) {
    const values = results.get(contender) ?? [];
    const [p50 = 0, p99 = 0] = [0.5, 0.99].map((share) => values[Math.floor(values.length * share)]);
    say(`  ${p50.toFixed(1).padStart(6)} µs p50 ${p99.toFixed(1).padStart(7)} µs p99  ${contender.name}`);
  }
}
// By themselves: what has just run a large call is slower at the next one, whosever that is.
const compared = [wholeCall(1_000, 100), cockatiel(), wholeCall(1_000, 10_000), floor(10_000)];
const medians = [...(await measure(compared)).values()].map((values) => values[values.length >> 1] ?? Number.NaN);
const [small = 0, policies = 0, large = 0, least = 0] = medians;
say("The whole call beside its peers alone:");
say(
  `  100 B: ${small.toFixed(1)} µs, ${(small / policies).toFixed(2)} of cockatiel's ${policies.toFixed(1)} µs (goal 1.2)`,
);
say(
  `  10 kB: ${large.toFixed(1)} µs (goal 90), ${(large / least).toFixed(2)} of ${least.toFixed(1)} µs for Ajv's check and JSON.stringify of the input`,
);
say("Heap for each call of a run's history:");
for (const calls of [1_000, 10_000, 100_000]) {
  say(`  ${historyBytes(calls).toFixed(0).padStart(6)} bytes at ${calls.toLocaleString("en")} different calls`);
}
