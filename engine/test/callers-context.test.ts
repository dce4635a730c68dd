import { AsyncLocalStorage } from "node:async_hooks";
import { describe, expect, it } from "vitest";
import { createEngine, type EngineOptions, type Tool } from "../src/index.ts";

/** Tenants, traces and loggers live in `AsyncLocalStorage`: a body must see its own caller's, whatever started it. */
const who = new AsyncLocalStorage<string>();

function seenBy(tool: Partial<Tool>, options: EngineOptions = {}) {
  const engine = createEngine(options);
  const seen: string[] = [];
  const attempts = new Map<string, number>();
  engine.register({
    name: "t",
    ...tool,
    run: async (input: string, { signal }) => {
      const attempt = (attempts.get(input) ?? 0) + 1;
      attempts.set(input, attempt);
      seen.push(`${input} in ${who.getStore()}`);
      signal.addEventListener("abort", () => seen.push(`${input} aborted in ${who.getStore()}`));
      await new Promise((resolve) => setTimeout(resolve, 5));
      seen.push(`${input} in ${who.getStore()}`);
      if (tool.maxAttempts !== undefined && attempt === 1) throw new Error("again");
      if (input === "hang") await new Promise(() => {});
      return input;
    },
  } as Tool<string> & { inputSchema?: never });
  return { engine, seen };
}

const eachItsOwn = (seen: readonly string[]) => {
  expect(seen.length).toBeGreaterThanOrEqual(4);
  for (const line of seen) expect(line).toMatch(/^(alice|bob|carol) (aborted )?in \1$/);
};

describe("a body runs in its own caller's context", () => {
  const callAll = async ({ engine, seen }: ReturnType<typeof seenBy>) => {
    const names = ["alice", "bob", "carol"];
    const outcomes = await Promise.all(names.map((name) => who.run(name, () => engine.call("t", name))));
    expect(outcomes.map(({ status }) => status)).toEqual(["succeeded", "succeeded", "succeeded"]);
    await engine.close();
    return seen;
  };

  it("when it waited for a permit of its tool", async () => eachItsOwn(await callAll(seenBy({ maxConcurrent: 1 }))));
  it("when it waited for a permit of the engine", async () =>
    eachItsOwn(await callAll(seenBy({}, { maxTotalConcurrent: 1 }))));
  it("when it waited for a resource", async () => eachItsOwn(await callAll(seenBy({ resources: ["database"] }))));
  it("when it is tried again", async () => {
    const retries = { maxAttempts: 2, retryDelay: "5ms", idempotent: true } as const;
    eachItsOwn(await callAll(seenBy(retries)));
    eachItsOwn(await callAll(seenBy({ ...retries, maxConcurrent: 1 })));
  });
  it("when its schema is asynchronous", async () => {
    const validate = async (value: unknown) => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      return { value };
    };
    const inputSchema = { "~standard": { version: 1, vendor: "x", validate } } as never;
    eachItsOwn(await callAll(seenBy({ inputSchema, maxConcurrent: 1 })));
  });

  it("when the identical call that it waited for was cancelled", async () => {
    const { engine } = seenBy({});
    const seen: unknown[] = [];
    engine.register({
      name: "shared",
      cache: true,
      run: async (_input, { signal }) => {
        seen.push(who.getStore());
        await new Promise((resolve, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
          setTimeout(resolve, 20);
        });
      },
    });
    const controller = new AbortController();
    const first = who.run("alice", () => engine.call("shared", 1, { signal: controller.signal }));
    const second = who.run("bob", () => engine.call("shared", 1));
    who.run("mallory", () => controller.abort());
    expect([(await first).status, (await second).status, seen]).toEqual(["cancelled", "succeeded", ["alice", "bob"]]);
    await engine.close();
  });

  it("also in a batch, where another call's end starts it", async () => {
    const { engine, seen } = seenBy({ maxConcurrent: 1 });
    const batchOf = (name: string) =>
      who.run(name, () =>
        engine.run().batch([
          { tool: "t", input: name, name: "first" },
          { tool: "t", input: name, after: ["first"] },
        ]),
      );
    await Promise.all(["alice", "bob"].map((name) => batchOf(name).results));
    eachItsOwn(seen);
    await engine.close();
  });

  it("and so do its abort listeners, whoever cancels", async () => {
    const { engine, seen } = seenBy({ cancelGrace: "20ms", timeout: "40ms" });
    engine.register({ name: "alien", run: () => null });
    const controller = new AbortController();
    const late = who.run("hang", () => engine.call("t", "hang", { signal: controller.signal }));
    await new Promise((resolve) => setTimeout(resolve, 15));
    who.run("mallory", () => controller.abort());
    await late;
    const expired = who.run("hang", () => engine.call("t", "hang"));
    await expired;
    expect(seen.filter((line) => line.includes("aborted"))).toEqual(["hang aborted in hang", "hang aborted in hang"]);
    who.run("mallory", () => engine.destroy());
  });

  it("and a host tool that a worker's body calls, in that of the worker tool's caller", async () => {
    const { engine, seen } = seenBy({ maxConcurrent: 1 });
    await who.run("registrar", () => engine.register(new URL("./support/tools/calls-host.ts", import.meta.url)));
    const names = ["alice", "bob", "carol"];
    const outcomes = await Promise.all(names.map((name) => who.run(name, () => engine.call("calls-host", name))));
    expect(outcomes.map(({ status }) => status)).toEqual(["succeeded", "succeeded", "succeeded"]);
    eachItsOwn(seen);
    await engine.close();
  });

  it("while a call that an event listener makes belongs to no call", async () => {
    const { engine } = seenBy({});
    const paths: unknown[] = [];
    engine.register({ name: "inner", run: () => 1 });
    engine.register({ name: "outer", run: (_input, context) => context.call("inner") });
    engine.register({ name: "log", run: (_input, { path }) => void paths.push(path) });
    engine.events.on((event) => {
      if (event.type === "attempt-start" && event.tool === "inner") void engine.call("log");
    });
    await engine.call("outer");
    expect(paths).toEqual([["log"]]);
    await engine.close();
  });
});
