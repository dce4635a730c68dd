import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import workerpool from "workerpool";
import { createEngine } from "../src/index.ts";

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const ROUNDS = 12;
const CALLS_PER_ROUND = 400;
const AT_ONCE = 16_000;
const path = (name: string): string => new URL(`./tools/${name}.ts`, import.meta.url).pathname;

type Call = (n: number) => Promise<unknown>;
type Contenders = Readonly<Record<string, Call>>;

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
await compare("1 caller", 1, { "endstop, Node worker": ours, [PEER]: pooled, "a bare child_process": bare });
await compare("4 callers", 4, { "endstop, Node worker": ours, [PEER]: pooled });
await atOnce(AT_ONCE, { "endstop, Node worker": ours, [PEER]: pooled });
await Promise.all([engine.close(), pool.terminate()]);
child.kill();

/** All calls are made in one turn, and wait for a worker. */
async function atOnce(calls: number, contenders: Contenders): Promise<void> {
  say(`\n${calls} calls at once`);
  const tookMs = new Map<string, number>();
  for (const [name, call] of Object.entries(contenders)) {
    const beganAtMs = performance.now();
    const answers = await Promise.all(Array.from({ length: calls }, (_, n) => call(n)));
    tookMs.set(name, performance.now() - beganAtMs);
    const wrong = answers.findIndex((answer, n) => (answer as { n: number }).n !== n);
    if (wrong >= 0) throw new Error(`${name}: ${wrong} gave ${JSON.stringify(answers[wrong])}`);
  }
  const peerMs = tookMs.get(PEER) ?? Number.NaN;
  for (const [name, ms] of tookMs)
    say(`  ${name.padEnd(26)}${ms.toFixed(0).padStart(8)} ms${(ms / peerMs).toFixed(2).padStart(8)}`);
}

/** In turn, so that a change of the machine's speed hits all alike. The first round is a warm-up. */
async function compare(title: string, callers: number, contenders: Contenders): Promise<void> {
  const takenUs = new Map(Object.keys(contenders).map((name) => [name, [] as number[]]));
  let next = 0;
  for (let round = -1; round < ROUNDS; round++) {
    for (const [name, call] of Object.entries(contenders)) {
      const taken = round < 0 ? [] : (takenUs.get(name) ?? []);
      const caller = async (): Promise<void> => {
        for (let made = 0; made < CALLS_PER_ROUND / callers; made++) {
          const n = next++; // never the same input twice: that would be a loop
          const beganAtMs = performance.now();
          const answer = await call(n);
          taken.push((performance.now() - beganAtMs) * 1_000);
          if (JSON.stringify(answer) !== JSON.stringify({ n })) throw new Error(`${name}: ${n} gave ${answer}`);
        }
      };
      await Promise.all(Array.from({ length: callers }, caller));
    }
  }
  say(`\n${title}, a function that gives its input back`);
  say(`  ${"".padEnd(26)}${"p50 µs".padStart(10)}${"p99 µs".padStart(10)}${"ratio".padStart(8)}${"calls".padStart(9)}`);
  const peer = quantile(takenUs.get(PEER) ?? [], 0.5);
  for (const [name, taken] of takenUs) {
    const figures = [quantile(taken, 0.5), quantile(taken, 0.99)].map((us) => us.toFixed(1).padStart(10)).join("");
    const ratio = (quantile(taken, 0.5) / peer).toFixed(2).padStart(8);
    say(`  ${name.padEnd(26)}${figures}${ratio}${String(taken.length).padStart(9)}`);
  }
}

function quantile(values: readonly number[], part: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * part)] ?? Number.NaN;
}
