import { getEventListeners } from "node:events";
import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { Engine } from "../src/api/engine.ts";
import { createEngine, type EngineOptions, modelText, type Tool } from "../src/index.ts";
import { FakeClock, settlePromises } from "./support/fake-clock.ts";

function makeEngine(options: EngineOptions = {}) {
  const clock = new FakeClock();
  return { clock, engine: new Engine(options, clock) };
}

const never = (_count?: number) => new Promise<never>(() => {});

describe("a call", () => {
  it("gives the body's own value, not a copy", async () => {
    const { engine } = makeEngine();
    const value = { rows: [1, 2] };
    engine.register({ name: "query", run: () => value });
    const outcome = await engine.run().call("query", { sql: "select 1" });
    expect(outcome).toMatchObject({ status: "succeeded", tool: "query", path: ["query"], attempts: 1, notice: null });
    expect(outcome.status === "succeeded" && outcome.value).toBe(value);
  });

  it("gives the application the whole result, and the model its beginning", async () => {
    const { engine } = makeEngine({ maxResult: "2kB" });
    for (const name of ["by engine", "by tool"]) {
      engine.register({
        name,
        run: () => "x".repeat(50_000),
        ...(name === "by tool" ? { maxResultBytes: 1_000 } : {}),
      });
      const outcome = await engine.call(name);
      expect(outcome.status === "succeeded" && outcome.value).toHaveLength(50_000);
      expect(modelText(outcome)).toMatch(new RegExp(`^${name} returned 50 kB; the first`));
      expect(modelText(outcome).length).toBeLessThanOrEqual(name === "by tool" ? 1_000 : 2_000);
    }
  });

  it("gives what the body throws as a value, with its causes", async () => {
    const { engine } = makeEngine();
    engine.register({
      name: "fetch",
      run: () => {
        throw new Error("no route", { cause: new TypeError("dns") });
      },
    });
    const outcome = await engine.call("fetch");
    expect(outcome).toMatchObject({
      status: "failed",
      failure: {
        code: "tool-error",
        message: "fetch failed with Error: no route.",
        error: { name: "Error", message: "no route", cause: { name: "TypeError", message: "dns" } },
      },
    });
  });

  it("takes anything that is thrown, also what is no error", async () => {
    const { engine } = makeEngine();
    engine.register({ name: "odd", run: () => Promise.reject(null) });
    expect(await engine.call("odd")).toMatchObject({ failure: { error: { name: "object", message: "null" } } });
  });

  it("of an unknown tool names the nearest ones", async () => {
    const { engine } = makeEngine();
    for (const name of ["search", "scrape", "send_mail"]) engine.register({ name, run: () => name });
    const outcome = await engine.call("serch");
    expect(outcome).toMatchObject({ status: "rejected", attempts: 0, failure: { code: "unknown-tool" } });
    expect(outcome.status !== "succeeded" && outcome.failure.message).toMatch(/Did you mean search/);
  });
});

it("describe() says of a tool whose results cannot be compared that its loops are not seen by them", async () => {
  const { engine } = makeEngine();
  engine.register({
    name: "fetch",
    run: (hidden) => (hidden ? new Response("x") : new Map([[1, new URL("http://x/")]])),
  });
  await engine.run().call("fetch", false);
  expect(engine.describe("fetch").comparedResults).toBeUndefined();
  await engine.run().call("fetch", true);
  expect(engine.describe("fetch").comparedResults).toMatchObject({ value: false });
});

it("a loop is seen where the result is a class instance", async () => {
  const { engine } = makeEngine();
  class Page {
    readonly rows = new Set([1]);
  }
  engine.register({ name: "t", run: () => new Page() });
  const run = engine.run();
  const codes = [];
  for (let at = 0; at < 4; at += 1) {
    const outcome = await run.call("t", { a: 1 });
    codes.push(outcome.status === "succeeded" ? outcome.status : outcome.failure.code);
  }
  expect(codes).toEqual(["succeeded", "succeeded", "succeeded", "repeated-call"]);
});

describe("the deadline", () => {
  it("gives the caller its answer although the body never ends, and fires the body's signal", async () => {
    const { engine, clock } = makeEngine();
    let aborted: unknown;
    engine.register({
      name: "hang",
      timeout: "2s",
      run: (_input, { signal }) => {
        signal.addEventListener("abort", () => {
          aborted = signal.reason;
        });
        return never();
      },
    });
    const answer = engine.call("hang");
    await clock.advance(1_999);
    expect(aborted).toBeUndefined();
    await clock.advance(1);
    expect(await answer).toMatchObject({
      status: "timed-out",
      elapsedMs: 2_000,
      attempts: 1,
      failure: { code: "timed-out", message: "hang passed its deadline: limit 2 s, observed 2 s." },
    });
    expect(aborted).toMatchObject({ name: "TimeoutError" });
    expect(clock.pendingCount).toBe(0);
  });

  it("does not wait for the late ending of the body", async () => {
    const { engine, clock } = makeEngine();
    let finish: (value: string) => void = () => {};
    engine.register({
      name: "late",
      timeoutMs: 10,
      run: () =>
        new Promise<string>((resolve) => {
          finish = resolve;
        }),
    });
    const answer = engine.call("late");
    await clock.advance(10);
    finish("too late");
    await settlePromises();
    expect((await answer).status).toBe("timed-out");
  });

  it("of the call overrides the tool's, the tool's the engine's", async () => {
    const { engine, clock } = makeEngine({ timeout: "1m" });
    engine.register({ name: "a", run: never });
    engine.register({ name: "b", timeout: "10s", run: never });
    const answers = [engine.call("a"), engine.call("b"), engine.call("b", {}, { timeoutMs: 500 })];
    const seen: number[] = [];
    for (const answer of answers) void answer.then(({ elapsedMs }) => seen.push(elapsedMs));
    await clock.advance(60_000);
    expect(seen.sort((x, y) => x - y)).toEqual([500, 10_000, 60_000]);
  });

  it("leaves no timer behind when the body ends in time", async () => {
    const { engine, clock } = makeEngine();
    engine.register({ name: "quick", run: async () => 1 });
    await engine.call("quick");
    expect(clock.pendingCount).toBe(0);
  });
});

describe("the input", () => {
  it("is checked by a Standard Schema, and the body gets what the schema made of it", async () => {
    const { engine } = makeEngine();
    engine.register({ name: "double", inputSchema: z.object({ n: z.coerce.number() }), run: ({ n }) => n * 2 });
    engine.register({ name: "half", inputSchema: v.object({ n: v.number() }), run: ({ n }) => n / 2 });
    expect(await engine.call("double", { n: "21" })).toMatchObject({ status: "succeeded", value: 42 });
    expect(await engine.call("half", { n: 42 })).toMatchObject({ status: "succeeded", value: 21 });
    expect(await engine.call("half", { n: "x" })).toMatchObject({
      status: "rejected",
      failure: { code: "invalid-input" },
    });
  });

  it("is checked by a JSON Schema, and each part that does not fit is named", async () => {
    const { engine } = makeEngine();
    let bodies = 0;
    const inputSchema = {
      type: "object",
      properties: { url: { type: "string" }, depth: { type: "integer", minimum: 1 } },
      required: ["url"],
      additionalProperties: false,
    };
    engine.register({ name: "crawl", inputSchema, run: () => ++bodies });
    const outcome = await engine.call("crawl", { depth: 0, dept: 1 });
    const message = outcome.status === "succeeded" ? "" : outcome.failure.message;
    expect(message).toContain("must have required property 'url'");
    expect(message).toContain("depth must be >= 1");
    expect(message).toContain("(dept)");
    expect([outcome.attempts, bodies]).toEqual([0, 0]);
    expect((await engine.call("crawl", { url: "x" })).status).toBe("succeeded");
  });

  it("takes draft-07 schemas too", async () => {
    const { engine } = makeEngine();
    const inputSchema = { $schema: "http://json-schema.org/draft-07/schema#", type: "number" };
    engine.register({ name: "n", inputSchema, run: (n) => n });
    expect(await engine.call("n", 1)).toMatchObject({ value: 1 });
    expect(await engine.call("n", "1")).toMatchObject({ failure: { code: "invalid-input" } });
  });

  it("is refused, with the reason, when the schema itself throws", async () => {
    const { engine } = makeEngine();
    const inputSchema = z.string().refine(() => {
      throw new Error("broken refinement");
    });
    engine.register({ name: "s", inputSchema, run: (s) => s });
    expect(await engine.call("s", "x")).toMatchObject({ failure: { code: "invalid-input" } });
  });
});

describe("a run", () => {
  it("stops the same call with the same result at the fourth, and another run does not see it", async () => {
    const { engine } = makeEngine();
    let bodies = 0;
    engine.register({ name: "look", run: () => `seen ${Math.min(++bodies, 1)}` });
    const run = engine.run();
    const notices = [];
    for (let i = 0; i < 3; i += 1) notices.push((await run.call("look", { b: 1, a: 2 })).notice);
    expect(notices.map((notice) => notice !== null)).toEqual([false, false, true]);
    expect(await run.call("look", { a: 2, b: 1 })).toMatchObject({
      status: "rejected",
      failure: { code: "repeated-call" },
    });
    expect((await run.call("look", { a: 3, b: 1 })).status).toBe("succeeded");
    expect((await engine.run().call("look", { a: 2, b: 1 })).status).toBe("succeeded");
    expect(bodies).toBe(5);
  });

  it("sees loops per agent and task", async () => {
    const { engine } = makeEngine();
    engine.register({ name: "look", run: () => "same" });
    const run = engine.run();
    for (const agent of ["a", "b"]) {
      for (let i = 0; i < 3; i += 1) expect((await run.call("look", {}, { agent })).status).toBe("succeeded");
    }
    expect((await run.call("look", {}, { agent: "a" })).status).toBe("rejected");
  });

  it("admits exactly its limit of 100 calls at once", async () => {
    const { engine } = makeEngine();
    let bodies = 0;
    engine.register({ name: "pay", maxCallsPerRun: 10, run: async () => ++bodies });
    const run = engine.run();
    const outcomes = await Promise.all(Array.from({ length: 100 }, (_, i) => run.call("pay", { i })));
    expect(outcomes.filter(({ status }) => status === "succeeded")).toHaveLength(10);
    expect(bodies).toBe(10);
  });
});

describe("the call tree", () => {
  it("stops recursion at the depth limit, with the path", async () => {
    const { engine } = makeEngine({ maxDepth: 4, maxReentry: null });
    let bodies = 0;
    const run = engine.run();
    engine.register({
      name: "ping",
      run: async () => {
        bodies += 1;
        return run.call("pong", bodies);
      },
    });
    engine.register({
      name: "pong",
      run: async (_input, { call }) => {
        bodies += 1;
        return call("ping", bodies);
      },
    });
    const outcome = await run.call("ping");
    expect(JSON.stringify(outcome)).toContain("ping → pong → ping → pong → ping");
    expect(bodies).toBe(4);
  });

  it("is joined by a call on the engine inside a body, also after an await", async () => {
    const { engine } = makeEngine();
    engine.register({ name: "inner", run: (_input, { path }) => path.join(">") });
    engine.register({
      name: "outer",
      run: async () => {
        await settlePromises();
        return engine.call("inner");
      },
    });
    expect(await engine.run().call("outer")).toMatchObject({ value: { value: "outer>inner" } });
  });
});

describe("cancelling", () => {
  it("fires the body's signal, and ends the call after its grace although the body goes on", async () => {
    const { engine, clock } = makeEngine();
    let aborted = false;
    engine.register({
      name: "slow",
      run: (_input, { signal }) => {
        signal.addEventListener("abort", () => {
          aborted = true;
        });
        return never();
      },
    });
    const controller = new AbortController();
    const answer = engine.call("slow", {}, { signal: controller.signal });
    await settlePromises();
    controller.abort();
    expect(aborted).toBe(true);
    await clock.advance(500);
    const failure = { code: "cancelled", body: "effect-unknown" };
    expect(await answer).toMatchObject({ status: "cancelled", attempts: 1, elapsedMs: 500, failure });
    expect(clock.pendingCount).toBe(1); // the deadline of the body that is still there
  });

  it("says whether the body stopped, or finished all the same, as soon as it did, and its late result is of no use", async () => {
    const { engine, clock } = makeEngine({ cancelGrace: "2s" });
    const heeds: Tool["run"] = (_input, { signal }) =>
      new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    const finishes: Tool["run"] = () => new Promise((resolve) => void clock.setTimer(1_000, () => resolve("late")));
    engine.register({ name: "heeds", run: heeds });
    engine.register({ name: "finishes", run: finishes });
    engine.register({ name: "impatient", cancelGrace: "1ms", run: finishes });
    const controller = new AbortController();
    const ended: [string, number, unknown][] = [];
    const calls = ["heeds", "finishes", "impatient"].map(async (name) => {
      const outcome = await engine.call(name, {}, { signal: controller.signal });
      ended.push([name, outcome.elapsedMs, outcome.status !== "succeeded" && outcome.failure.body]);
    });
    await settlePromises();
    controller.abort();
    await clock.advance(5_000);
    await Promise.all(calls);
    expect(ended).toEqual([
      ["heeds", 0, "stopped"],
      ["impatient", 1, "effect-unknown"],
      ["finishes", 1_000, "finished"],
    ]);
  });

  it("before the start runs no body, and says so", async () => {
    const { engine } = makeEngine();
    let bodies = 0;
    engine.register({ name: "t", maxCalls: 1, run: () => ++bodies });
    const outcome = await engine.call("t", {}, { signal: AbortSignal.abort() });
    expect(outcome).toMatchObject({ status: "cancelled", attempts: 0, failure: { body: "not-started" } });
    expect(outcome.status !== "succeeded" && outcome.failure.message).toContain("not started");
    expect((await engine.call("t")).status).toBe("succeeded"); // the limit of one was given back
    expect(bodies).toBe(1);
  });

  it("leaves no listener on the caller's signal, however the call ends", async () => {
    const { engine, clock } = makeEngine();
    const { signal } = new AbortController();
    engine.register({ name: "ok", run: async () => 1 });
    engine.register({ name: "bad", run: () => Promise.reject(new Error("no")) });
    engine.register({ name: "hang", timeoutMs: 5, run: never });
    engine.register({ name: "picky", inputSchema: z.string(), run: (s) => s });
    const answers = ["ok", "bad", "hang", "picky", "unknown"].map((name) => engine.call(name, 1, { signal }));
    await clock.advance(5);
    await Promise.all(answers);
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });
});

describe("closing", () => {
  it("lets calls in flight end and takes no more", async () => {
    const { engine } = makeEngine();
    let finish: (value: number) => void = () => {};
    engine.register({
      name: "slow",
      run: () =>
        new Promise<number>((resolve) => {
          finish = resolve;
        }),
    });
    const answer = engine.call("slow");
    await settlePromises();
    const closed = engine.close();
    expect(await engine.call("slow")).toMatchObject({ status: "cancelled", attempts: 0 });
    finish(1);
    await closed;
    expect(await answer).toMatchObject({ status: "succeeded", value: 1 });
  });

  it("cancels what is left after the grace period, and may be asked twice", async () => {
    const { engine, clock } = makeEngine();
    engine.register({ name: "hang", timeout: null, run: never });
    const answer = engine.call("hang");
    const closed = Promise.all([engine.close({ graceMs: 100 }), engine.close({ graceMs: 200 })]);
    await clock.advance(200);
    await closed;
    expect(await answer).toMatchObject({ status: "cancelled" });
  });

  it("begins no body of a call that waits for one that is ended", async () => {
    const { engine, clock } = makeEngine({ maxTotalConcurrent: 1 });
    let bodies = 0;
    engine.register({ name: "hang", run: () => never(++bodies) });
    const answers = Array.from({ length: 10 }, (_, n) => engine.call("hang", { n }));
    await settlePromises();
    engine.destroy();
    const known = (await Promise.all(answers)).map((its) => its.status !== "succeeded" && its.failure.body);
    expect([bodies, ...new Set(known)]).toEqual([1, "effect-unknown", "not-started"]);
    expect(clock.pendingCount).toBe(1); // the deadline of the body that is still there
  });

  it("happens by itself at the end of `await using`", async () => {
    const { engine, clock } = makeEngine();
    {
      await using scoped = engine;
      scoped.register({ name: "t", run: () => 1 });
    }
    expect((await engine.call("t")).status).toBe("cancelled");
    expect(clock.pendingCount).toBe(0);
  });
});

describe("bad use", () => {
  it.each([
    [{ name: "", run: never }, "tool name"],
    [{ name: 7, run: never }, "tool name"],
    [{ name: "t", run: "no" }, "run must be a function"],
    [{ name: "t", run: never, timout: "1s" }, "Did you mean timeout"],
    [{ name: "t", run: never, placement: "worker" }, "closure"],
    [{ name: "t", run: never, inputSchema: { type: "strin" } }, "inputSchema"],
    [{ name: "t", run: never, inputSchema: 3 }, "inputSchema"],
    [{ name: "t", run: never, timeoutMs: -5 }, "-5"],
  ])("of register is refused at once: %j", (tool, text) => {
    const { engine } = makeEngine();
    expect(() => engine.register(tool as never)).toThrow(text);
  });

  it.each<[string, unknown[], string]>([
    ["a path", ["./x.mjs"], 'the URL of a module such as new URL("./tool.js", import.meta.url), got "./x.mjs"'],
    ["nothing", [], "register takes a tool, or the URL of a module"],
    ["null", [null], "got null"],
    ["a function", [() => 1], "register takes a tool"],
    ["limits beside a tool", [{ name: "t", run: never }, { timeout: "1s" }], "a tool has its own"],
  ])("of register is refused by what it is: %s", (_, given, text) => {
    const { engine } = makeEngine();
    expect(() => Reflect.apply(engine.register, engine, given)).toThrow(TypeError);
    expect(() => Reflect.apply(engine.register, engine, given)).toThrow(text);
  });

  it("of a tool's name that is no text is refused", async () => {
    const { engine } = makeEngine();
    const text = "the name of a tool must be a text, got undefined";
    await expect(engine.call(undefined as never)).rejects.toThrow(text);
    await expect(engine.run().call(undefined as never)).rejects.toThrow(text);
    expect(() => engine.run().batch([{ tool: undefined as never }])).toThrow(text);
    expect(() => engine.describe(undefined as never)).toThrow(text);
    expect(() => engine.run().batch(undefined as never)).toThrow("batch takes an array of calls, got undefined");
  });

  it("of an engine that is closed is refused: it takes no more tools", async () => {
    const { engine } = makeEngine();
    await engine.close();
    const text = "no tool can be registered: the engine is closed";
    expect(() => engine.register({ name: "t", run: never })).toThrow(text);
    expect(() => engine.register({ name: "t", command: ["ls"] })).toThrow(text);
    await expect(engine.register(new URL("file:///tool.js"))).rejects.toThrow(text);
  });

  const wrong = [null, 5, [], () => {}, new Map(), Symbol("s")];
  const uses: Record<string, (engine: Engine, value: never) => unknown> = {
    destroy: (engine, value) => engine.destroy(value),
    "destroy for an error": (engine) => engine.destroy(new Error("why") as never),
    "destroy a run": (engine, value) => engine.run().end(value),
    close: (engine, value) => engine.close(value),
    "close in": (engine, graceMs) => engine.close({ graceMs: typeof graceMs === "number" ? -1 : graceMs }),
    listen: (engine, value) => engine.events.on(typeof value === "function" ? (null as never) : value),
    describe: (engine, value) => engine.describe("t", value),
    "call for an agent": (engine, agent) => engine.call("t", 1, { agent }),
    "call for a task": (engine, task) => engine.call("t", 1, { task }),
    "call in a turn": (engine, turn) => engine.call("t", 1, { turn }),
    "call with options": (engine, value) => engine.call("t", 1, value),
    "make an engine": (_engine, value) => createEngine(value),
    "make an engine with agents": (_engine, agents) => createEngine({ agents }),
    "make an engine with resources": (_engine, resources) => createEngine({ resources }),
    "name a call of a batch": (engine, name) => engine.run().batch([{ tool: "t", name }]),
    "order a batch": (engine, value) =>
      engine.run().batch([{ tool: "t", after: Array.isArray(value) ? [value] : value }]),
    "order a batch by a text": (engine) => engine.run().batch([{ tool: "t", after: "t" as never }]),
    "say what a failure does": (engine, afterFailure) => engine.run().batch([{ tool: "t", afterFailure }]),
    "describe a tool": (engine, description) => engine.register({ name: "u", description, run: never }),
    "read a text": (_engine, value) => modelText(value),
  };
  it.each(Object.entries(uses))(
    "of %s is refused by the value, and nothing is half done",
    async (_name, use) => /* biome-ignore format: short */ {
    for (const value of wrong) {
      const { engine } = makeEngine();
      engine.register({ name: "t", run: () => 1 });
      await expect((async () => use(engine, value as never))()).rejects.toThrow(/ must (be|have) .*, got | takes .*, got /);
      expect((await engine.call("t")).status).toBe("succeeded");
    }
  },
  );

  it("of a call in a batch that is changed afterwards changes nothing", async () => {
    const { engine } = makeEngine();
    engine.register({ name: "t", run: () => 1 });
    const calls = [
      { tool: "t", name: "a", options: { timeout: "1s" } },
      { tool: "t", after: ["a"], options: { timeout: "1s" } },
    ];
    const batch = engine.run().batch(calls);
    for (const call of calls) Object.assign(call.options, { timeout: 5 });
    Object.assign(calls[1] as object, { tool: 7 });
    calls.length = 0;
    expect((await batch.results).map(({ status }) => status)).toEqual(["succeeded", "succeeded"]);
  });

  it("is not to give options by a class: they are in force", async () => {
    class Limits {
      get timeout() {
        return "1s";
      }
    }
    class Once extends Limits {
      readonly name = "t";
      get maxCalls() {
        return 1;
      }
      run() {
        return this.name;
      }
    }
    const { engine } = makeEngine(new Limits());
    engine.register(new Once());
    engine.register({ name: "u", run: never });
    expect(engine.describe("t")).toMatchObject({ timeoutMs: { value: 1_000, from: "tool" }, maxCalls: { value: 1 } });
    expect(engine.describe("u")).toMatchObject({ timeoutMs: { value: 1_000, from: "engine" } });
    expect([(await engine.call("t")).status, (await engine.call("t")).status]).toEqual(["succeeded", "rejected"]);
  });

  it("of a name that is taken is refused, and the first tool stays", async () => {
    const { engine } = makeEngine();
    engine.register({ name: "t", run: () => "first" });
    expect(() => engine.register({ name: "t", run: () => "second" })).toThrow("named t is registered already");
    expect(await engine.call("t")).toMatchObject({ value: "first" });
  });

  it("of call options is refused before anything runs", async () => {
    const { engine } = makeEngine();
    engine.register({ name: "t", run: () => 1 });
    await expect(engine.call("t", {}, { timeout: "5 parsecs" })).rejects.toThrow(RangeError);
    await expect(engine.call("t", {}, { timeot: "5s" } as object)).rejects.toThrow("Did you mean timeout");
  });
});
