import { AsyncLocalStorage } from "node:async_hooks";
import { getEventListeners } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { Engine } from "../src/api/engine.ts";
import { createEngine, type EngineOptions, type Outcome } from "../src/index.ts";
import { FakeClock, settlePromises } from "./support/fake-clock.ts";

function makeEngine(options: EngineOptions = {}) {
  const clock = new FakeClock();
  return { clock, engine: new Engine(options, clock) };
}
const never = () => new Promise<never>(() => {});
const neverSchema = { "~standard": { version: 1, vendor: "x", validate: never } } as never;
const codeOf = (outcome: Outcome) => (outcome.status === "succeeded" ? "succeeded" : outcome.failure.code);

describe("a schema that never answers", () => {
  it.each([
    ["the call's timeout", { timeout: "1s" }, {}],
    ["the time for waiting", { timeout: null, waitTimeout: "1s" }, {}],
    ["the run's wall time", {}, { budgetWallTime: "1s" }],
  ] as const)("is waited for no longer than %s", async (_name, policy, options) => {
    const { engine, clock } = makeEngine(options);
    engine.register({ name: "t", inputSchema: neverSchema, ...policy, run: () => expect.unreachable() });
    const answer = engine.run().call("t", {});
    await clock.advance(999);
    expect(engine.stats().inFlight).toBe(1);
    await clock.advance(2);
    expect(await answer).toMatchObject({
      status: "timed-out",
      attempts: 0,
      failure: { code: "wait-timed-out", message: "t waited 1 s for its schema, limit 1 s: the body was not started." },
    });
    expect([engine.stats().inFlight, clock.pendingCount]).toEqual([0, 0]);
  });

  it("is cancelled with its call, and a late answer of it starts no body", async () => {
    const { engine, clock } = makeEngine();
    const answered = Promise.withResolvers<{ value: number }>();
    const inputSchema = { "~standard": { version: 1, vendor: "x", validate: () => answered.promise } } as never;
    engine.register({ name: "t", inputSchema, timeout: "1s", run: () => expect.unreachable() });
    const controller = new AbortController();
    const [cancelled, late] = [engine.call("t", {}, { signal: controller.signal }), engine.call("t", {})];
    controller.abort();
    expect(await cancelled).toMatchObject({ status: "cancelled", failure: { body: "not-started" } });
    await clock.advance(1_000);
    expect(codeOf(await late)).toBe("wait-timed-out");
    answered.resolve({ value: 1 });
    await settlePromises();
    expect(clock.pendingCount).toBe(0);
  });
});

describe("what a body called ends with it", () => {
  function tree(options: EngineOptions = {}) {
    const { engine, clock } = makeEngine(options);
    const nested: Promise<Outcome>[] = [];
    const reasons: unknown[] = [];
    engine.register({
      name: "leaf",
      run: (_input, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => {
            reasons.push(signal.reason);
            reject(signal.reason);
          });
        }),
    });
    engine.register({
      name: "agent",
      run: async (how: string | undefined, context) => {
        const call = how === "by engine" ? engine.call("leaf") : context.call("leaf");
        nested.push(call);
        if (how === "returns") return 1;
        if (how === "deeper") nested.push(context.call("agent"));
        return await call;
      },
    });
    return { engine, clock, nested, reasons };
  }

  it.each([undefined, "by engine", "deeper"])("when it is cancelled (%s)", async (how) => {
    const { engine, clock, nested, reasons } = tree();
    const controller = new AbortController();
    const answer = engine.call("agent", how, { signal: controller.signal });
    await settlePromises();
    const why = new Error("the user has left");
    controller.abort(why);
    await clock.advance(0);
    expect(await answer).toMatchObject({
      status: "cancelled",
      failure: { body: "finished", error: { message: why.message } },
    });
    for (const call of nested) expect((await call).status).toBe("cancelled");
    expect(reasons.length).toBe(how === "deeper" ? 2 : 1);
    for (const reason of reasons) expect(reason).toBe(why);
    expect(engine.stats().inFlight).toBe(0);
  });

  it("when its deadline passes", async () => {
    const { engine, clock, nested, reasons } = tree();
    engine.register({
      name: "hasty",
      timeout: "1s",
      run: (_input, { call }) => {
        nested.push(call("leaf"));
        return never();
      },
    });
    const answer = engine.call("hasty");
    await clock.advance(1_001);
    expect((await answer).status).toBe("timed-out");
    expect((await (nested[0] as Promise<Outcome>)).status).toBe("cancelled");
    expect(reasons).toEqual([expect.objectContaining({ name: "TimeoutError" })]);
  });

  it("when it returns, and when the engine is destroyed", async () => {
    const { engine, clock, nested } = tree();
    expect((await engine.call("agent", "returns")).status).toBe("succeeded");
    await clock.advance(0);
    expect((await (nested[0] as Promise<Outcome>)).status).toBe("cancelled");
    const answer = engine.call("agent");
    await settlePromises();
    engine.destroy();
    expect((await answer).status).toBe("cancelled");
    expect((await (nested[1] as Promise<Outcome>)).status).toBe("cancelled");
  });

  it("and a body that has been given up starts nothing more, in no way", async () => {
    const { engine, clock } = makeEngine();
    const started: string[] = [];
    const late: Promise<Outcome>[] = [];
    engine.register({ name: "write", run: () => void started.push("write") });
    engine.register({
      name: "slow",
      timeout: "1s",
      run: async (_input, context) => {
        const batch = engine.run().batch([
          { tool: "hold", name: "hold" },
          { tool: "write", after: ["hold"], afterFailure: "run" },
        ]);
        await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
        late.push(context.call("write"), engine.call("write"), engine.run().call("write"));
        late.push(...(await batch.results).slice(1).map((outcome) => Promise.resolve(outcome)));
        await never();
      },
    });
    engine.register({ name: "hold", run: never });
    const answer = engine.call("slow");
    await clock.advance(2_000);
    expect((await answer).status).toBe("timed-out");
    const outcomes = await Promise.all(late);
    expect(outcomes.map(({ status, attempts }) => [status, attempts])).toEqual(Array(4).fill(["cancelled", 0]));
    expect(started).toEqual([]);
  });
});

it("a timer that a body has left may call its tool: ended calls are no ancestors", async () => {
  const { engine } = makeEngine();
  const paths: unknown[] = [];
  const later = Promise.withResolvers<Outcome>();
  engine.register({
    name: "poll",
    run: (_input, { path }) => {
      paths.push(path);
      if (paths.length === 1) setTimeout(() => engine.call("poll", { a: 1 }).then(later.resolve), 5);
    },
  });
  const outer = Promise.withResolvers<void>();
  engine.register({ name: "agent", run: (_input, { call }) => call("poll", { a: 1 }).then(() => outer.promise) });
  const answer = engine.call("agent");
  expect((await later.promise).status).toBe("succeeded");
  outer.resolve();
  await answer;
  expect(paths).toEqual([["agent", "poll"], ["agent", "poll"]]); // biome-ignore format: short
});

describe("a caller's cancel", () => {
  it("takes a reason, which the body and the outcome have", async () => {
    const { engine } = makeEngine();
    let seen: unknown;
    engine.register({
      name: "t",
      run: (_input, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => {
            seen = signal.reason;
            reject(new Error("stopped"));
          });
        }),
    });
    for (const reason of [Object.assign(new Error("user left"), { code: "E_LEFT" }), "no longer needed", undefined]) {
      const controller = new AbortController();
      const answer = engine.call("t", {}, { signal: controller.signal });
      controller.abort(reason);
      const outcome = await answer;
      expect(seen).toBe(controller.signal.reason);
      if (outcome.status === "succeeded") throw new Error("it was not cancelled");
      const { failure } = outcome;
      expect(failure.error?.message).toBe(
        reason instanceof Error ? reason.message : (reason ?? "This operation was aborted"),
      );
      if (reason instanceof Error) expect(failure).toMatchObject({ error: { code: "E_LEFT" } });
      if (reason !== undefined) expect(failure.message).toContain(String(failure.error?.message));
    }
  });

  it("ends a call of a batch that waits for others, and what follows is the batch's", async () => {
    const { engine } = makeEngine();
    const who = new AsyncLocalStorage<string>();
    engine.register({ name: "hang", run: never });
    engine.register({ name: "t", run: () => who.getStore() });
    const controller = new AbortController();
    const options = { signal: controller.signal };
    const batch = who.run("alice", () =>
      engine.run().batch([
        { tool: "hang", name: "first" },
        { tool: "t", name: "second", after: ["first"], options },
        { tool: "t", after: ["second"], afterFailure: "run" },
        { tool: "t", after: ["first"], options: { signal: AbortSignal.abort(new Error("before")) } },
      ]),
    );
    who.run("mallory", () => controller.abort(new Error("enough")));
    const ended: unknown[] = [];
    for await (const { index, result } of batch) {
      ended.push([index, result.status === "succeeded" ? result.value : result.failure.error?.message]);
      if (ended.length === 3) break;
    }
    expect(ended.sort()).toEqual([[1, "enough"], [2, "alice"], [3, "before"]]); // biome-ignore format: short
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
    engine.destroy();
    await batch.results;
  });

  it("leaves no listener behind for a call of a batch that did not run", async () => {
    const { engine } = makeEngine();
    const { signal } = new AbortController();
    engine.register({ name: "fails", run: () => Promise.reject(new Error("no")) });
    const batch = engine.run().batch([
      { tool: "fails", name: "a" },
      { tool: "fails", after: ["a"], options: { signal } },
    ]);
    expect((await batch.results).map(codeOf)).toEqual(["tool-error", "dependency-failed"]);
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("that is no signal is refused before anything is admitted", async () => {
    const { engine } = makeEngine();
    engine.register({ name: "t", run: never });
    const controller = new AbortController();
    await expect(engine.call("t", {}, { signal: controller as never })).rejects.toThrow(
      "call signal must be an AbortSignal, got an AbortController: give its signal",
    );
    const deaf = {
      aborted: false,
      addEventListener: () => {},
      removeEventListener: () => engine.register(null as never),
    };
    for (const signal of [null, true, "x", {}, () => {}, Object.create(AbortSignal.prototype), deaf]) {
      await expect(engine.call("t", {}, { signal: signal as never })).rejects.toThrow(TypeError);
    }
    expect(() => engine.run().batch([{ tool: "t", options: { signal: controller as never } }])).toThrow(TypeError);
    expect(engine.stats().inFlight).toBe(0);
    await engine.close();
  });
});

describe("reading an engine's events", () => {
  it.each(["close", "destroy"] as const)("ends after %s", async (how) => {
    const engine = createEngine();
    engine.register({ name: "t", run: () => 1 });
    const types: string[] = [];
    const reading = (async () => {
      for await (const { type } of engine.events) types.push(type);
    })();
    await settlePromises();
    await engine.call("t");
    await engine[how]();
    await reading;
    for await (const _ of engine.events) expect.unreachable();
    expect(types).toEqual(["call-admit", "attempt-start", "call-settle"]);
  });
});

describe("a body that is a generator", () => {
  it.each<[string, () => unknown, unknown]>([
    [
      "what it returns",
      async function* () {
        yield 1;
        return { rows: 2 };
      },
      { rows: 2 },
    ],
    [
      "what it yields last",
      async function* () {
        yield 1;
        yield 2;
      },
      2,
    ],
    [
      "what a synchronous one yields last",
      function* () {
        yield 1;
        yield 2;
      },
      2,
    ],
    ["nothing", async function* () {}, undefined],
    [
      "the last value, where an async function gives it",
      async () =>
        (async function* () {
          yield 7;
        })(),
      7,
    ],
  ])("is run to its end and gives %s", async (_name, run, value) => /* biome-ignore format: short */ {
    const { engine } = makeEngine();
    engine.register({ name: "t", inputSchema: z.any(), run });
    expect(await engine.call("t")).toMatchObject({ status: "succeeded", value });
  });

  it("fails with what it throws, and its calls have their place in the tree", async () => {
    const { engine } = makeEngine();
    engine.register({ name: "leaf", run: (_input, { path }) => path });
    engine.register({ name: "t", run: async function* () { yield 1; yield await engine.call("leaf"); } }); // biome-ignore format: short
    engine.register({ name: "bad", run: function* () { yield 1; throw new RangeError("no"); } }); // biome-ignore format: short
    expect(await engine.call("t")).toMatchObject({ value: { value: ["t", "leaf"] } });
    expect(await engine.call("bad")).toMatchObject({ failure: { code: "tool-error", error: { name: "RangeError" } } });
  });

  it("ends at its deadline although it never waits, with its finally blocks", async () => {
    const engine = createEngine({ timeout: "50ms" });
    const ended: string[] = [];
    const endless = (name: string) => ({
      name,
      run: function* () {
        try {
          for (;;) yield 1;
        } finally {
          ended.push(name);
        }
      },
    });
    const endlessAsync = (name: string) => ({
      name,
      run: async function* () {
        try {
          for (;;) yield 1;
        } finally {
          ended.push(name);
        }
      },
    });
    engine.register(endless("a"));
    engine.register(endlessAsync("b"));
    const outcomes = await Promise.all([engine.call("a"), engine.call("b")]);
    expect(outcomes.map(({ status }) => status)).toEqual(["timed-out", "timed-out"]);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(ended.sort()).toEqual(["a", "b"]);
    await engine.close();
  });
});

describe("a body in a worker", () => {
  it("hears its signal with the caller's reason, or that its deadline has passed, before it is killed", async () => {
    await using engine = createEngine();
    await engine.register(new URL("./support/tools/cleans-up.ts", import.meta.url));
    const file = join(mkdtempSync(join(tmpdir(), "endstop-")), "said");
    const controller = new AbortController();
    engine.events.on(({ type }) => {
      if (type === "attempt-start")
        setTimeout(() => controller.abort(Object.assign(new Error("left"), { code: "E_LEFT" })), 50);
    });
    const outcome = await engine.call("cleans-up", { file }, { signal: controller.signal });
    expect(outcome).toMatchObject({ status: "cancelled", failure: { body: "stopped", error: { code: "E_LEFT" } } });
    await vi.waitFor(() => expect(readFileSync(file, "utf8")).toBe("Error left E_LEFT"), 5_000);
    expect((await engine.call("cleans-up", { file }, { timeout: "100ms" })).status).toBe("timed-out");
    await vi.waitFor(() => expect(readFileSync(file, "utf8")).toMatch(/^TimeoutError/), 5_000);
    expect((await engine.call("cleans-up", { file, spins: true }, { timeout: "100ms" })).status).toBe("timed-out");
    rmSync(dirname(file), { recursive: true });
  });
});
