import { expect, it, onTestFinished } from "vitest";
import { createEngine, type Engine } from "../src/index.ts";
import { type Level, OPTIONS, type OptionEntry } from "../src/policy/options.generated.ts";

const module = new URL("./support/probe.ts", import.meta.url);
const run = () => 1;

function made(options: object): Engine {
  const engine = createEngine(options);
  onTestFinished(() => engine.close({ graceMs: 1 }));
  return engine;
}

interface Door {
  readonly level: Level;
  /** Options of bodies elsewhere have no force here, so that they are refused. */
  readonly where?: "host" | "worker";
  /** Gives an option. @returns what `describe` says of a tool */
  give(options: object): object | Promise<object>;
}

/** Each way in which TypeScript can say an option. */
const DOORS: Readonly<Record<string, Door>> = {
  "createEngine, for a function": {
    level: "engine",
    give(options) {
      const engine = made(options);
      engine.register({ name: "t", run });
      return engine.describe("t");
    },
  },
  "agents of createEngine": {
    level: "agent",
    give(options) {
      const engine = made({ agents: { Researcher: options } });
      engine.register({ name: "t", run });
      return engine.describe("t", "Researcher");
    },
  },
  "register of a function": {
    level: "tool",
    where: "host",
    give(options) {
      const engine = made({});
      engine.register({ name: "t", run, ...options });
      return engine.describe("t");
    },
  },
  "register of a command": {
    level: "tool",
    where: "worker",
    give(options) {
      const engine = made({});
      engine.register({ name: "t", command: ["ls"], ...options });
      return engine.describe("t");
    },
  },
  "register of a module": {
    level: "tool",
    where: "worker",
    async give(options) {
      const engine = made({});
      await engine.register(module, options);
      return engine.describe("probe");
    },
  },
};

/** A value that no preset has. */
function exampleOf(name: string, { kind, choices }: OptionEntry): unknown {
  const VALUES = { duration: "77s", size: "77kB", count: 7, rate: "7/1m", flag: true, names: ["database"] };
  if (kind === "choice") return choices?.findLast((choice) => choice !== "standard");
  return name === "poller" ? false : VALUES[kind];
}

const UNITS: Readonly<Record<string, string>> = { duration: "Ms", size: "Bytes" };

for (const [door, { level, where, give }] of Object.entries(DOORS)) {
  it(`${door}: every option is in force or refused by its name`, async () => {
    // A module costs a process: one engine for all that are in force, one each only for what is refused.
    const isForced = (name: string, entry: OptionEntry) =>
      name !== "placement" && (entry.where === undefined || where === undefined || entry.where === where);
    const ofLevel = Object.entries(OPTIONS).filter(([, { levels }]) => levels.includes(level));
    const forced = ofLevel.filter(([name, entry]) => isForced(name, entry));
    const described = await give(Object.fromEntries(forced.map(([name, entry]) => [name, exampleOf(name, entry)])));
    const from = level === "agent" ? "agent Researcher" : level;
    for (const [name, { kind }] of forced)
      expect([name, described]).toEqual([
        name,
        expect.objectContaining({ [name + (UNITS[kind] ?? "")]: expect.objectContaining({ from }) }),
      ]);
    for (const [name, entry] of Object.entries(OPTIONS)) {
      if (forced.some(([known]) => known === name)) continue;
      const value = name === "placement" ? (where === "host" ? "worker" : "host") : exampleOf(name, entry);
      await expect(async () => give({ [name]: value }), name).rejects.toThrow(new RegExp(`\\b${name}\\b`));
    }
  });
}

it("a call: its timeout is in force, every other option is refused by its name", async () => {
  const engine = made({});
  engine.register({ name: "t", run: () => new Promise(() => {}) });
  expect(await engine.call("t", {}, { timeout: "10ms" })).toMatchObject({ failure: { code: "timed-out" } });
  for (const [name, entry] of Object.entries(OPTIONS)) {
    if (entry.levels.includes("call")) continue;
    const options = { [name]: exampleOf(name, entry) };
    await expect(engine.call("t", {}, options)).rejects.toThrow(`call options has no option ${name}`);
    expect(() => engine.run().batch([{ tool: "t", options }])).toThrow(`call options has no option ${name}`);
  }
});

it("maxStuck: with so many bodies that went on after their calls' outcomes the next call is rejected, until one of them ends", async () => {
  const engine = made({ timeout: "10ms", cancelGrace: "10ms" });
  const ends: (() => void)[] = [];
  engine.register({ name: "hang", maxStuck: 2, run: () => new Promise<void>((end) => ends.push(end)) });
  engine.register({ name: "other", run });
  expect(await engine.call("hang")).toMatchObject({ failure: { code: "timed-out" } });
  const controller = new AbortController();
  const cancelled = engine.call("hang", {}, { timeout: null, signal: controller.signal });
  controller.abort();
  expect(await cancelled).toMatchObject({ failure: { body: "effect-unknown" } });
  expect(await engine.call("hang")).toMatchObject({
    status: "rejected",
    failure: { code: "host-stuck", message: expect.stringContaining("2 of its bodies") },
  });
  expect(await engine.call("other")).toMatchObject({ value: 1 });
  ends[0]?.();
  await new Promise((resolve) => setImmediate(resolve));
  expect(await engine.call("hang")).toMatchObject({ failure: { code: "timed-out" } });
});
