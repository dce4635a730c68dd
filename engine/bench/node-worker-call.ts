import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import workerpool from "workerpool";
import { readTree } from "../src/processes/process-tree.ts";

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const ROUNDS = 12;
const CALLS_PER_ROUND = 400;
/** Calls made in one turn, and rounds of them. */
const AT_ONCE = [
  [1_000, 9],
  [16_000, 3],
] as const;
const path = (name: string): string => new URL(`./tools/${name}.ts`, import.meta.url).pathname;

type Call = (n: number) => Promise<unknown>;
type Contenders = Readonly<Record<string, Call>>;
interface Taken {
  readonly wallMs: number;
  readonly cpuMs: number;
  /** Of each call. */
  readonly eachUs: readonly number[];
}

// As users have it, built: a worker starts from one file, and not from sources that are compiled each time.
const built = new URL("../dist/index.mjs", import.meta.url).href;
const { createEngine } = (await import(built)) as typeof import("../src/index.ts");
const engine = createEngine();
await engine.register(new URL("./tools/echo.ts", import.meta.url));
const pool = workerpool.pool(path("pooled-echo"), { workerType: "process", maxWorkers: 4 });
const child: ChildProcess = fork(path("forked-echo"), { serialization: "advanced" });

const ours: Call = async (n) => {
  const outcome = await engine.call("echo", { n });
  return outcome.status === "succeeded" ? outcome.value : outcome.failure.message;
};
const pooled: Call = async (n) => pool.exec("echo", [{ n }]);
/** No pool, no limit: what a message there and back costs. */
const bare: Call = async (n) => {
  const answered = once(child, "message");
  child.send({ n });
  const [answer] = await answered;
  return answer;
};

const PEER = "workerpool, processes";
const both: Contenders = { "endstop, Node worker": ours, [PEER]: pooled };
await compare("1 caller", ROUNDS, inTurn(1), { ...both, "a bare child_process": bare });
await compare("4 callers", ROUNDS, inTurn(4), both);
for (const [calls, rounds] of AT_ONCE) await compare(`${calls} calls at once`, rounds, atOnce(calls), both);
await Promise.all([engine.close(), pool.terminate()]);
child.kill();

/** So many callers, each of which makes its next call when it has the answer of the one before. */
function inTurn(callers: number): (call: Call) => Promise<number[]> {
  let next = 0;
  return async (call) => {
    const eachUs: number[] = [];
    const caller = async (): Promise<void> => {
      for (let made = 0; made < CALLS_PER_ROUND / callers; made++) eachUs.push(await measured(call, next++));
    };
    await Promise.all(Array.from({ length: callers }, caller));
    return eachUs;
  };
}

/** All calls are made in one turn, and wait for a worker. */
function atOnce(calls: number): (call: Call) => Promise<number[]> {
  return (call) => Promise.all(Array.from({ length: calls }, (_, n) => measured(call, n)));
}

async function measured(call: Call, n: number): Promise<number> {
  const beganAtMs = performance.now();
  const answer = await call(n);
  if ((answer as { n: number }).n !== n) throw new Error(`${n} gave ${JSON.stringify(answer)}`);
  return (performance.now() - beganAtMs) * 1_000;
}

/** In turn, so that a change of the machine's speed hits all alike. The first round is a warm-up. */
async function compare(
  title: string,
  rounds: number,
  makeCalls: (call: Call) => Promise<number[]>,
  contenders: Contenders,
): Promise<void> {
  const taken = new Map(Object.keys(contenders).map((name) => [name, [] as Taken[]]));
  for (let round = -1; round < rounds; round++) {
    for (const [name, call] of Object.entries(contenders)) {
      const cpuBeforeMs = cpuMs();
      const beganAtMs = performance.now();
      const eachUs = await makeCalls(call);
      const wallMs = performance.now() - beganAtMs;
      if (round >= 0) taken.get(name)?.push({ wallMs, cpuMs: cpuMs() - cpuBeforeMs, eachUs });
    }
  }
  say(`\n${title}, a function that gives its input back; medians of ${rounds} rounds, ratios to ${PEER}`);
  const columns = ["p50 µs", "p99 µs", "wall ms", "ratio", "CPU ms", "ratio"];
  say(`  ${"".padEnd(26)}${columns.map((column) => column.padStart(10)).join("")}`);
  const peer = taken.get(PEER) ?? [];
  for (const [name, each] of taken) {
    const all = each.flatMap(({ eachUs }) => eachUs);
    const ratio = (of: "wallMs" | "cpuMs"): string =>
      quantile(
        each.map((round, index) => round[of] / (peer[index]?.[of] ?? Number.NaN)),
        0.5,
      ).toFixed(2);
    const median = (of: "wallMs" | "cpuMs"): string =>
      quantile(
        each.map((round) => round[of]),
        0.5,
      ).toFixed(0);
    const figures = [quantile(all, 0.5).toFixed(0), quantile(all, 0.99).toFixed(0)];
    figures.push(median("wallMs"), ratio("wallMs"), median("cpuMs"), ratio("cpuMs"));
    say(`  ${name.padEnd(26)}${figures.map((figure) => figure.padStart(10)).join("")}`);
  }
}

/** Processor time of this process and all that it has started, those that have ended too. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  const stat = readFileSync("/proc/self/stat", "latin1");
  const [endedUser = 0, endedSystem = 0] = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .slice(13, 15)
    .map(Number);
  let ms = (user + system) / 1_000 + (endedUser + endedSystem) * 10;
  for (const { pid } of readTree(process.pid)) {
    if (pid === process.pid) continue;
    for (const task of tasksOf(pid)) ms += Number(task.split(" ")[0]) / 1e6;
  }
  return ms;
}

/** What the scheduler says of each thread; of none if the process has ended. */
function tasksOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map((task) =>
      readFileSync(`/proc/${pid}/task/${task}/schedstat`, "latin1"),
    );
  } catch {
    return [];
  }
}

function quantile(values: readonly number[], part: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * part)] ?? Number.NaN;
}
