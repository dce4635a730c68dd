import { AsyncLocalStorage } from "node:async_hooks";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { createEngine, type Engine, type EngineOptions, type PolicyOptions } from "../src/index.ts";
import { tool } from "./support/probe.ts";
import { isRunning, makeLog } from "./support/processes.ts";

type Policy = Omit<PolicyOptions, "placement">;
const probe = new URL("./support/probe.ts", import.meta.url);
const command = [process.execPath, fileURLToPath(new URL("./support/probe-command.ts", import.meta.url))] as const;

/** How the one probe is registered: the suite below is the same for all. */
const PLACEMENTS: Readonly<Record<string, (engine: Engine, policy: Policy) => unknown>> = {
  "host-ts": (engine, policy) => engine.register({ ...tool, ...policy } as never),
  "worker-node": (engine, policy) => engine.register(probe, policy),
  command: (engine, policy) => {
    const { name, inputSchema } = tool as { name: string; inputSchema: object };
    engine.register({ name, inputSchema: inputSchema as never, command, output: "json", ...policy });
  },
};

async function makeEngine(placement: string, policy: Policy = {}, options: EngineOptions = {}): Promise<Engine> {
  const engine = createEngine(options);
  onTestFinished(() => engine.close({ graceMs: 1 }));
  await PLACEMENTS[placement]?.(engine, policy);
  return engine;
}

const nextCallWorks = async (engine: Engine): Promise<void> => {
  const outcome = await engine.call("probe", { do: "echo", value: "next" }, { timeout: "10s" });
  expect(outcome).toMatchObject({ status: "succeeded", value: "next" });
};
const pidsIn = (lines: readonly string[], word: string): number[] =>
  lines.filter((line) => line.startsWith(`${word} `)).map((line) => Number(line.split(" ")[1]));

/** A test for each guarantee of protocol/conformance.json that a TypeScript placement gives. */
const TESTS: Readonly<Record<string, (placement: string) => Promise<void>>> = {
  async value(placement) {
    const engine = await makeEngine(placement);
    const value = { rows: [1, 2.5, "drei", null, { deep: true }] };
    expect(await engine.call("probe", { do: "echo", value })).toMatchObject({
      status: "succeeded",
      attempts: 1,
      value,
    });
  },

  async error(placement) {
    const engine = await makeEngine(placement);
    const log = makeLog();
    const outcome = await engine.call("probe", { do: "throw", log: log.path });
    expect(outcome).toMatchObject({ status: "failed", attempts: 1, failure: { code: "tool-error" } });
    expect(JSON.stringify(outcome)).toContain("the disk is full");
    expect(log.lines()).toHaveLength(1);
  },

  async causes(placement) {
    const outcome = await (await makeEngine(placement)).call("probe", { do: "throw" });
    const cause = { name: "TypeError", message: "no space", cause: { name: "string", message: "sector 7" } };
    expect(outcome).toMatchObject({ failure: { error: { name: "RangeError", message: "the disk is full", cause } } });
    expect(outcome.status !== "succeeded" && outcome.failure.error?.stack).toContain("probe.ts");
  },

  async "invalid-input"(placement) {
    const outcome = await (await makeEngine(placement)).call("probe", { does: "echo" });
    expect(outcome).toMatchObject({ status: "rejected", attempts: 0, failure: { code: "invalid-input" } });
  },

  async "big-result"(placement) {
    const value = "ä".repeat(10_000_000);
    // A command gets it on its standard input and gives it back on its standard output.
    const maxOutputBytes = placement === "command" ? { maxOutputBytes: 30_000_000 } : {};
    const engine = await makeEngine(placement, maxOutputBytes as Policy);
    const outcome = await engine.call("probe", { do: "echo", value });
    expect(outcome.status === "succeeded" && outcome.value === value).toBe(true);
  },

  async deadline(placement) {
    const engine = await makeEngine(placement);
    const outcome = await engine.call("probe", { do: "wait" }, { timeout: "1s" });
    expect(outcome).toMatchObject({ status: "timed-out", failure: { code: "timed-out" } });
    expect(outcome.elapsedMs).toBeGreaterThanOrEqual(1_000);
    expect(outcome.elapsedMs).toBeLessThan(1_500);
    await nextCallWorks(engine);
  },

  async "deadline-spinning"(placement) {
    const engine = await makeEngine(placement);
    const log = makeLog();
    const outcome = await engine.call("probe", { do: "spin", log: log.path }, { timeout: "1s" });
    expect(outcome).toMatchObject({ status: "timed-out" });
    expect(outcome.elapsedMs).toBeLessThan(1_500);
    await nextCallWorks(engine);
    await vi.waitFor(() => expect(pidsIn(log.lines(), "started").filter(isRunning)).toEqual([]), { timeout: 2_000 });
  },

  async "asked-to-stop"(placement) {
    const engine = await makeEngine(placement);
    const log = makeLog();
    await engine.call("probe", { do: "wait", log: log.path }, { timeout: "1s" });
    const told = placement === "command" ? "terminated" : "asked to stop: TimeoutError";
    await vi.waitFor(() => expect(log.lines()).toContain(told), { timeout: 2_000 });
  },

  async cancel(placement) {
    const engine = await makeEngine(placement);
    const log = makeLog();
    const controller = new AbortController();
    const answer = engine.call("probe", { do: "wait", log: log.path }, { signal: controller.signal });
    await vi.waitFor(() => expect(log.lines()).toHaveLength(1), { timeout: 5_000 });
    controller.abort();
    // The host's body does not heed its signal here, and nobody can kill it.
    const failure = { code: "cancelled", body: placement === "host-ts" ? "effect-unknown" : "stopped" };
    expect(await answer).toMatchObject({ status: "cancelled", attempts: 1, failure });
    if (placement !== "host-ts") {
      await vi.waitFor(() => expect(pidsIn(log.lines(), "started").filter(isRunning)).toEqual([]), { timeout: 2_000 });
    }
    await nextCallWorks(engine);
  },

  async exit(placement) {
    const engine = await makeEngine(placement);
    const outcome = await engine.call("probe", { do: "exit" });
    const code = placement === "command" ? "tool-error" : "worker-crashed";
    expect(outcome).toMatchObject({ status: "failed", failure: { code, crash: { exitCode: 7, signal: null } } });
    await nextCallWorks(engine);
  },

  async "signal-death"(placement) {
    const engine = await makeEngine(placement);
    const outcome = await engine.call("probe", { do: "die" });
    expect(outcome).toMatchObject({
      failure: { code: "worker-crashed", crash: { exitCode: null, signal: "SIGSEGV" } },
    });
    await nextCallWorks(engine);
  },

  async descendants(placement) {
    const engine = await makeEngine(placement);
    const log = makeLog();
    expect(await engine.call("probe", { do: "leave", log: log.path }, { timeout: "1s" })).toMatchObject({
      status: "timed-out",
    });
    const children = pidsIn(log.lines(), "child");
    expect(children).toHaveLength(2);
    await vi.waitFor(() => expect(children.filter(isRunning)).toEqual([]), { timeout: 3_000 });
  },

  async "printed-output"(placement) {
    const printer = fileURLToPath(new URL("./support/printing-host.ts", import.meta.url));
    const printed = execFileSync(process.execPath, [printer, placement], { encoding: "utf8", timeout: 20_000 });
    expect(printed.trimEnd().split("\n").sort()).toEqual([
      "printed to stderr",
      "printed to stdout",
      "the outcome: succeeded printed",
    ]);
  },

  async "cannot-move"(placement) {
    const outcome = await (await makeEngine(placement)).call("probe", { do: "closure" });
    expect(outcome).toMatchObject({ status: "failed", attempts: 1, failure: { code: "cannot-move" } });
    expect(outcome.status !== "succeeded" && outcome.failure.message).toContain("its result cannot be cloned");
  },

  async "exact-limit"(placement) {
    const engine = await makeEngine(placement, { maxCalls: 10 });
    const log = makeLog();
    const calls = Array.from({ length: 30 }, (_, value) => engine.call("probe", { do: "echo", log: log.path, value }));
    const outcomes = await Promise.all(calls);
    expect(outcomes.filter(({ status }) => status === "succeeded")).toHaveLength(10);
    expect(log.lines()).toHaveLength(10);
  },

  async "repeated-call"(placement) {
    const run = (await makeEngine(placement)).run();
    const seen = [];
    for (let round = 0; round < 4; round += 1) seen.push((await run.call("probe", { do: "echo", value: 1 })).status);
    expect(seen).toEqual(["succeeded", "succeeded", "succeeded", "rejected"]);
  },

  async tree(placement) {
    const engine = await makeEngine(placement, {}, { maxDepth: 4, maxReentry: null });
    const run = engine.run();
    expect(await run.call("probe", { do: "nest", value: 1 })).toMatchObject({ value: "probe>probe>probe" });
    expect(await run.call("probe", { do: "nest", value: 9 })).toMatchObject({
      value: expect.stringContaining("at depth 5, the limit is 4"),
    });
  },

  async "context-variables"(placement) {
    const storage = new AsyncLocalStorage<string>();
    const engine = await makeEngine(placement);
    engine.register({ name: "tenant", run: () => storage.getStore() });
    expect(await storage.run("acme", () => engine.call("tenant"))).toMatchObject({ value: "acme" });
  },
};

interface Guarantee {
  readonly text: string;
  readonly notFor?: Readonly<Record<string, string>>;
}
const { placements, guarantees } = JSON.parse(
  readFileSync(new URL("../../protocol/conformance.json", import.meta.url), "utf8"),
) as { readonly placements: readonly string[]; readonly guarantees: Readonly<Record<string, Guarantee>> };

describe.each(Object.keys(PLACEMENTS))("%s", (placement) => {
  for (const [name, { text, notFor = {} }] of Object.entries(guarantees)) {
    if (!(placement in notFor)) it(`${name}: ${text}`, () => TESTS[name]?.(placement));
  }
});

describe("the list of guarantees", () => {
  it("has a test here for each guarantee that a TypeScript placement gives, and no other", () => {
    const wanted = Object.entries(guarantees)
      .filter(([, { notFor = {} }]) => Object.keys(PLACEMENTS).some((placement) => !(placement in notFor)))
      .map(([name]) => name);
    expect(Object.keys(TESTS).sort()).toEqual(wanted.sort());
  });

  it("names placements that exist, and a reason wherever a guarantee is not given", () => {
    for (const { notFor = {} } of Object.values(guarantees)) {
      for (const [placement, reason] of Object.entries(notFor)) {
        expect(placements).toContain(placement);
        expect(reason.length).toBeGreaterThan(10);
      }
    }
    expect(placements).toEqual(expect.arrayContaining(Object.keys(PLACEMENTS)));
  });
});
