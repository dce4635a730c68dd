import { describe, expect, it } from "vitest";
import { Engine } from "../src/api/engine.ts";
import type { EngineOptions, Outcome, PolicyOptions } from "../src/index.ts";
import { Calls, returned } from "./support/calls.ts";
import { FakeClock, settlePromises } from "./support/fake-clock.ts";

/** An engine whose tools note when they run, and end when told to. */
class Bodies {
  readonly clock = new FakeClock();
  readonly engine: Engine;
  readonly running: string[] = [];
  readonly #ends = new Map<string, (value: string) => void>();

  constructor(options: EngineOptions, tools: Readonly<Record<string, PolicyOptions>>) {
    this.engine = new Engine(options, this.clock);
    for (const [name, policy] of Object.entries(tools)) {
      this.engine.register({ name, ...policy, run: (input: string) => this.#run(`${name} ${input}`) });
    }
  }

  #run(name: string): Promise<string> {
    this.running.push(name);
    return new Promise((resolve) => this.#ends.set(name, resolve));
  }

  async end(name: string): Promise<void> {
    this.#ends.get(name)?.(name);
    this.running.splice(this.running.indexOf(name), 1);
    await settlePromises();
  }
}

const code = (outcome: Outcome) => (outcome.status === "succeeded" ? "succeeded" : outcome.failure.code);

describe("concurrency limits", () => {
  it("let calls wait for their turn, in order", async () => {
    const bodies = new Bodies({}, { t: { maxConcurrent: 2 } });
    const outcomes = Promise.all(["1", "2", "3", "4"].map((input) => bodies.engine.call("t", input)));
    await settlePromises();
    expect(bodies.running).toEqual(["t 1", "t 2"]);
    await bodies.end("t 2");
    expect(bodies.running).toEqual(["t 1", "t 3"]);
    for (const name of ["t 1", "t 3", "t 4"]) await bodies.end(name);
    expect((await outcomes).map(({ status }) => status)).toEqual(Array(4).fill("succeeded"));
  });

  it("hold over all tools, and for a resource that tools share", async () => {
    const bodies = new Bodies(
      { maxTotalConcurrent: 3, resources: { pool: 2 } },
      { read: { resources: ["file"] }, write: { resources: ["file"] }, query: { resources: ["pool"] }, free: {} },
    );
    for (const [tool, input] of [
      ["read", "1"],
      ["write", "1"],
      ["query", "1"],
      ["query", "2"],
      ["query", "3"],
      ["free", "1"],
    ] as const)
      void bodies.engine.call(tool, input);
    await settlePromises();
    expect(bodies.running).toEqual(["read 1", "query 1", "query 2"]);
    await bodies.end("query 1");
    expect(bodies.running).toHaveLength(3);
    await bodies.end("read 1");
    expect(bodies.running).toHaveLength(3);
    bodies.engine.destroy();
  });

  it("serve runs in turn: the calls of one do not starve the other's one", async () => {
    const bodies = new Bodies({ maxTotalConcurrent: 1 }, { t: {} });
    const crowd = bodies.engine.run();
    for (let n = 0; n < 50; n++) void crowd.call("t", `crowd ${n}`);
    void bodies.engine.run().call("t", "alone");
    await settlePromises();
    await bodies.end("t crowd 0");
    await bodies.end(bodies.running[0] ?? "");
    await bodies.end(bodies.running[0] ?? "");
    expect(bodies.running).not.toContain("t alone");
    expect(bodies.running[0]).toMatch(/crowd [12]/);
    bodies.engine.destroy();
  });

  it("start the clock of the timeout when the body starts, and of the wait when the call is admitted", async () => {
    const bodies = new Bodies({}, { t: { maxConcurrent: 1, timeout: "60s", waitTimeout: "10s" } });
    void bodies.engine.call("t", "first");
    const late = bodies.engine.call("t", "late");
    await settlePromises();
    await bodies.clock.advance(9_000);
    const tooLate = bodies.engine.call("t", "too late");
    await bodies.end("t first");
    await bodies.clock.advance(10_000);
    expect(await tooLate).toMatchObject({
      status: "timed-out",
      attempts: 0,
      failure: { code: "wait-timed-out", retryable: true },
    });
    await bodies.clock.advance(49_999);
    await settlePromises();
    expect(bodies.running).toEqual(["t late"]);
    await bodies.clock.advance(1);
    expect(code(await late)).toBe("timed-out");
  });

  it.each([
    { what: "its caller's time", engine: {}, withinMs: 10_000 },
    { what: "its run's wall time", engine: { budgetWallTime: "10s" }, withinMs: undefined },
  ])("leave a call that has waited no more than is left of $what", async ({ engine, withinMs }) => {
    const calls = new Calls(engine, { t: { maxConcurrent: 1 } });
    const [first, second] = [calls.submit(), calls.submit({ withinMs })];
    for (const { call } of [first, second]) calls.core.claim(call, () => undefined);
    expect(second.call.timeoutMs).toBe(10_000);
    await calls.clock.advance(4_000);
    calls.end(first, returned("x"));
    expect(second.call.timeoutMs).toBe(6_000);
  });

  it("give the use of a call back that waited in vain", async () => {
    const bodies = new Bodies({}, { t: { maxConcurrent: 1, maxCalls: 2, waitTimeout: "1s" } });
    void bodies.engine.call("t", "1");
    const inVain = bodies.engine.call("t", "2");
    await settlePromises();
    await bodies.clock.advance(1_000);
    expect(code(await inVain)).toBe("wait-timed-out");
    await bodies.end("t 1");
    void bodies.engine.call("t", "3");
    await settlePromises();
    expect(bodies.running).toEqual(["t 3"]);
    bodies.engine.destroy();
  });

  it("let a waiting call be cancelled: its body does not start, its listener is gone", async () => {
    const bodies = new Bodies({}, { t: { maxConcurrent: 1 } });
    const controller = new AbortController();
    void bodies.engine.call("t", "1");
    const waiting = bodies.engine.call("t", "2", { signal: controller.signal });
    await settlePromises();
    controller.abort();
    expect(await waiting).toMatchObject({ status: "cancelled", attempts: 0 });
    await bodies.end("t 1");
    expect(bodies.running).toEqual([]);
  });

  it("refuse a call at once that would wait for its own callers", async () => {
    const engine = new Engine({}, new FakeClock());
    const run = engine.run();
    const bothRun = Promise.withResolvers<void>();
    const began: string[] = [];
    for (const [name, other] of [
      ["a", "b"],
      ["b", "a"],
    ] as const) {
      engine.register({
        name,
        maxConcurrent: 1,
        run: async (input: string, { call }) => {
          if (input === "leaf") return "done";
          if (began.push(name) === 2) bothRun.resolve();
          await bothRun.promise;
          return code(await call(other, "leaf"));
        },
      });
    }
    const outcomes = await Promise.all([run.call("a", "top"), run.call("b", "top")]);
    const values = outcomes.map((outcome) => (outcome.status === "succeeded" ? outcome.value : outcome.status));
    expect(values.sort()).toEqual(["deadlock", "succeeded"]);
  });

  it("are not waited for in the mode that only observes", async () => {
    const bodies = new Bodies({ mode: "observe" }, { t: { maxConcurrent: 1 } });
    void bodies.engine.call("t", "1");
    void bodies.engine.call("t", "2");
    await settlePromises();
    expect(bodies.running).toEqual(["t 1", "t 2"]);
    bodies.engine.destroy();
  });

  it("refuse what cannot be, by name", () => {
    expect(() => new Engine({ resources: { db: 0 } }, new FakeClock())).toThrow("engine resources db");
    expect(() => new Engine({ resources: 3 as never }, new FakeClock())).toThrow("engine resources must be an object");
    expect(() => new Bodies({}, { t: { resources: "db" as never } })).toThrow(
      "tool t resources must be a list of names, got",
    );
    expect(() => new Bodies({}, { t: { resources: [""] } })).toThrow("tool t resources must have names");
    expect(() => new Bodies({}, { t: { maxTotalConcurrent: 1 } as never })).toThrow("has no option maxTotalConcurrent");
  });
});

describe("a batch", () => {
  it("starts each call when those before it have succeeded, and has the outcomes in order", async () => {
    const bodies = new Bodies({}, { t: {} });
    const batch = bodies.engine.run().batch([
      { tool: "t", input: "report", after: ["left", "right"] },
      { tool: "t", input: "left", name: "left" },
      { tool: "t", input: "right", name: "right" },
    ]);
    await settlePromises();
    expect(bodies.running).toEqual(["t left", "t right"]);
    await bodies.end("t left");
    expect(bodies.running).toEqual(["t right"]);
    await bodies.end("t right");
    await bodies.end("t report");
    const outcomes = await batch.results;
    expect(outcomes.map((outcome) => outcome.status === "succeeded" && outcome.value)).toEqual([
      "t report",
      "t left",
      "t right",
    ]);
    const ended = [];
    for await (const { index } of batch) ended.push(index);
    expect(ended).toEqual([1, 2, 0]);
  });

  it("rejects what comes after a failure, and what comes after that, unless it says else", async () => {
    const engine = new Engine({}, new FakeClock());
    engine.register({ name: "fail", run: () => Promise.reject(new Error("no")) });
    engine.register({ name: "ok", run: () => "ok" });
    const outcomes = await engine.run().batch([
      { tool: "fail", name: "first" },
      { tool: "ok", name: "second", after: ["first"] },
      { tool: "ok", after: ["second"] },
      { tool: "ok", after: ["first"], afterFailure: "run" },
    ]).results;
    expect(outcomes.map(code)).toEqual(["tool-error", "dependency-failed", "dependency-failed", "succeeded"]);
    expect(outcomes[2]).toMatchObject({ attempts: 0, failure: { message: expect.stringContaining("after second") } });
  });

  it("is refused before anything starts if it has a cycle, an unknown name or option", async () => {
    const bodies = new Bodies({}, { t: {} });
    const run = bodies.engine.run();
    const free = { tool: "t", input: "free" };
    expect(() => run.batch([free, { tool: "t", name: "a", after: ["a"] }])).toThrow("cycle: a → a");
    expect(() => run.batch([free, { tool: "t", after: ["b"] }])).toThrow("no call of that name");
    expect(() => run.batch([free, { tool: "t", options: { timeout: "soon" } }])).toThrow("timeout");
    expect(() => run.batch([free, { tool: "t", before: "x" } as never])).toThrow("batch call has no option before");
    await settlePromises();
    expect(bodies.running).toEqual([]);
  });

  it("of five with one that hangs gives the other four on time", async () => {
    const engine = new Engine({}, new FakeClock());
    engine.register({ name: "hang", run: () => new Promise(() => {}) });
    engine.register({ name: "quick", run: (input: number) => input });
    const batch = engine.run().batch([{ tool: "hang" }, ...[1, 2, 3, 4].map((input) => ({ tool: "quick", input }))]);
    const ended: number[] = [];
    for await (const { index } of batch) if (ended.push(index) === 4) break;
    expect(ended).toEqual([1, 2, 3, 4]);
    engine.destroy();
    expect((await batch.results).map(({ status }) => status)[0]).toBe("cancelled");
  });
});
