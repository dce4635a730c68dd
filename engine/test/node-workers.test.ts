import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { createEngine, type Engine, type EngineOptions } from "../src/index.ts";
import { isRunning } from "./support/processes.ts";

const module = (name: string): URL => new URL(`./support/tools/${name}.ts`, import.meta.url);

async function makeEngine(options: EngineOptions = {}): Promise<Engine> {
  const engine = createEngine(options);
  onTestFinished(() => engine.close({ graceMs: 1 }));
  await engine.register(module("odd"));
  return engine;
}

describe("a Node worker", () => {
  it("takes an error that is thrown outside the body's promise for the call's, and is replaced", async () => {
    const engine = await makeEngine();
    for (const [what, message] of [
      ["throw later", "TypeError: thrown by a timer"],
      ["reject nowhere", "Error: nobody awaits this"],
    ]) {
      const outcome = await engine.call("odd", { do: what });
      expect(outcome).toMatchObject({ failure: { code: "tool-error", message: `odd failed with ${message}.` } });
    }
    expect(await engine.call("odd", { do: "map" })).toMatchObject({ status: "succeeded" });
  });

  it("ends one call when it lets go of its channel, and its process ends too", async () => {
    const engine = await makeEngine();
    const pid = await engine.call("odd", { do: "pid" });
    expect(await engine.call("odd", { do: "leave the channel" })).toMatchObject({
      failure: { code: "worker-crashed" },
    });
    const { value } = pid as { value: number };
    await vi.waitFor(() => expect(isRunning(value)).toBe(false), { timeout: 3_000 });
  });

  it.each([
    ["garbage", { do: "garbage" }, "worker-crashed"],
    ["a message that is none", { do: "a frame", frame: '{"type":"gone"}' }, "worker-crashed"],
    ["an ending that is none", { do: "a frame", frame: '{"type":"ended","nonce":1}' }, "worker-crashed"],
    ["half a message", { do: "half a frame" }, "timed-out"],
  ])("ends one call when its body writes %s to the channel's descriptor", async (_what, input, code) => {
    const engine = await makeEngine({ timeout: "1s" });
    expect(await engine.call("odd", input)).toMatchObject({ failure: { code } });
    expect(await engine.call("odd", { do: "pid" })).toMatchObject({ status: "succeeded" });
  });

  it("does not take an ending that its body writes itself", async () => {
    const engine = await makeEngine();
    const frame = JSON.stringify({ type: "ended", nonce: "x", ending: { type: "not-run", detail: "" } });
    expect(await engine.call("odd", { do: "a frame", frame })).toMatchObject({ value: "written" });
  });

  it("is replaced when a call has left half a message behind: the next call has its answer", async () => {
    const engine = await makeEngine({ timeout: "1s" });
    const first = await engine.call("odd", { do: "half a frame later" });
    await new Promise((resolve) => setTimeout(resolve, 100));
    const next = await engine.call("odd", { do: "pid" });
    expect(next.status).toBe("succeeded");
    expect((next as { value: number }).value).not.toBe((first as { value: number }).value);
  });

  it("gives a body no channel to speak on by mistake", async () => {
    const engine = await makeEngine();
    expect(await engine.call("odd", { do: "speak on the channel" })).toMatchObject({ value: "undefined" });
  });

  it("carries maps, dates, big integers and bytes", async () => {
    const engine = await makeEngine();
    const outcome = await engine.call("odd", { do: "map" });
    expect(outcome.status === "succeeded" && outcome.value).toEqual({
      map: new Map([[1n, new Date(0)]]),
      bytes: new Uint8Array([1, 2]),
      nothing: undefined,
    });
  });

  it.each(["json", "zod", "lazy"])("checks inputs by an AI SDK schema (%s)", async (kind) => {
    const engine = createEngine();
    onTestFinished(() => engine.close({ graceMs: 1 }));
    await engine.register(new URL(`?${kind}`, module("ai-schemas")));
    expect(await engine.call(kind, { amount: 1 })).toMatchObject({ value: "paid" });
    expect(await engine.call(kind, { amount: "DROP TABLE" })).toMatchObject({ failure: { code: "invalid-input" } });
  });

  it.each(["function", "misspelled", "null"])("has no schema that checks nothing (%s)", async (kind) => {
    const engine = createEngine();
    onTestFinished(() => engine.close({ graceMs: 1 }));
    await expect(engine.register(new URL(`?${kind}`, module("ai-schemas")))).rejects.toThrow(
      `tool ${kind} inputSchema must be a Standard Schema or a JSON Schema`,
    );
  });

  it("checks a Standard Schema itself, and the body gets what the schema made of the input", async () => {
    const engine = await makeEngine();
    expect(await engine.call("odd", { do: "text", megabytes: "1" })).toMatchObject({ status: "succeeded" });
    expect(await engine.call("odd", { do: 7 })).toMatchObject({
      status: "rejected",
      attempts: 0,
      failure: { code: "invalid-input", message: expect.stringContaining("do: ") },
    });
  });

  it("says by name what of a result cannot move, and gives a URL as text", async () => {
    const engine = await makeEngine();
    expect(await engine.call("odd", { do: "response" })).toMatchObject({
      attempts: 1,
      failure: { code: "cannot-move", message: expect.stringContaining("result.response is a Response") },
    });
    expect(await engine.call("odd", { do: "url" })).toMatchObject({ value: { url: "http://a.example/" } });
  });

  it("refuses an input that cannot be cloned before any body starts", async () => {
    const engine = await makeEngine();
    expect(await engine.call("odd", { do: "map", callback: () => 1 })).toMatchObject({
      attempts: 0,
      failure: { code: "cannot-move", message: expect.stringContaining("its input cannot be cloned") },
    });
  });

  it("gives no result that is larger than a frame, and says how large it was", async () => {
    const engine = await makeEngine();
    expect(await engine.call("odd", { do: "text", megabytes: 300 })).toMatchObject({
      attempts: 1,
      failure: { code: "too-large", message: expect.stringMatching(/result of odd is 300 MB, the limit is 268.4 MB/) },
    });
  });
});

describe("a call made inside a worker", () => {
  it("is cancelled by the body's own signal", async () => {
    const engine = await makeEngine();
    engine.register({ name: "hang", run: () => new Promise(() => {}) });
    expect(await engine.call("odd", { do: "cancel what it calls" })).toMatchObject({ value: "cancelled" });
  });

  it("ends with the call whose body made it", async () => {
    const engine = await makeEngine();
    let aborted: unknown;
    engine.register({
      name: "closure",
      run: (_input, { signal }) =>
        new Promise(() => {
          signal.addEventListener("abort", () => {
            aborted = signal.reason;
          });
        }),
    });
    expect(await engine.call("odd", { do: "call for a closure" }, { timeout: "500ms" })).toMatchObject({
      status: "timed-out",
    });
    expect(aborted).toMatchObject({ name: "TimeoutError" });
  });

  it("fails with the reason when its input or its result cannot be cloned, or its options are wrong", async () => {
    const engine = await makeEngine();
    engine.register({ name: "hang", run: () => 1 });
    engine.register({ name: "closure", run: () => () => 1 });
    expect(await engine.call("odd", { do: "call with a function" })).toMatchObject({
      failure: { code: "tool-error", message: expect.stringContaining("could not be cloned") },
    });
    expect(await engine.call("odd", { do: "call for a closure" })).toMatchObject({
      value: { status: "failed", failure: { code: "cannot-move", tool: "closure" } },
    });
    expect(await engine.call("odd", { do: "call wrongly" })).toMatchObject({
      failure: { error: { name: "RangeError", message: expect.stringContaining("parsecs") } },
    });
  });
});

describe("registering a module", () => {
  it("rejects with what is wrong, and the name stays free", async () => {
    const engine = createEngine();
    onTestFinished(() => engine.close());
    await expect(engine.register(module("no-tool"))).rejects.toThrow("must export its tool by the name tool");
    await expect(engine.register(module("missing"))).rejects.toThrow("Cannot find module");
    await expect(engine.register(module("broken"))).rejects.toMatchObject({
      message: expect.stringContaining("no licence"),
      cause: { message: "no licence", cause: { message: "expired" } },
    });
    await expect(engine.register(module("ends-at-import"))).rejects.toThrow("exit code 9");
    await expect(engine.register(module("odd"), { timeot: "1s" } as object)).rejects.toThrow("Did you mean timeout");
    await expect(engine.register(module("odd"), { placement: "host" })).rejects.toThrow("no function of this process");
    expect(await engine.register(module("odd"))).toEqual({ name: "odd", description: null });
    const another = new URL("?another", module("odd"));
    await expect(engine.register(another)).rejects.toThrow("registered already");
  });

  it("takes limits from the module, and those given beside it override them", async () => {
    const engine = createEngine();
    onTestFinished(() => engine.close({ graceMs: 1 }));
    await engine.register(module("odd"), { timeout: "300ms", maxCalls: 1 });
    const [first, second] = await Promise.all([1, 2].map(() => engine.call("odd", { do: "wait" })));
    expect(first).toMatchObject({ status: "timed-out", failure: { message: expect.stringContaining("limit 300 ms") } });
    expect(second).toMatchObject({ status: "rejected", failure: { code: "usage-limit" } });
  });

  it("on a closed engine is refused", async () => {
    const engine = createEngine();
    await engine.close();
    await expect(engine.register(module("odd"))).rejects.toThrow("closed");
  });
});

describe("what a call leaves running in a Node worker", () => {
  it.each([
    ["a detached child", "leave a child"],
    ["a grandchild whose parent has ended", "leave a grandchild"],
    ["one that left the session with an empty environment", "leave a stranger"],
  ])("is ended when the call has succeeded: %s", async (_what, input) => {
    const engine = await makeEngine();
    const outcome = await engine.call("odd", { do: input });
    expect(outcome).toMatchObject({ status: "succeeded" });
    const { pid, worker } = (outcome as { value: { pid: number; worker: number } }).value;
    await vi.waitFor(() => expect([pid, worker].filter(isRunning)).toEqual([]), { timeout: 5_000 });
    expect(await engine.call("odd", { do: "pid" })).toMatchObject({ status: "succeeded" });
  });

  it("is nothing where its children have ended, nor what the module started when it was imported", async () => {
    const engine = createEngine();
    onTestFinished(() => engine.close({ graceMs: 1 }));
    await engine.register(module("keeper"));
    const pids = new Set<unknown>();
    for (const n of [1, 2, 3]) {
      const outcome = await engine.call("keeper", { n });
      expect(outcome).toMatchObject({ status: "succeeded", value: { helperRuns: true } });
      pids.add((outcome as { value: { worker: number } }).value.worker);
    }
    expect(pids.size).toBe(1);
  });
});

describe("what a Node worker prints", () => {
  const host = fileURLToPath(new URL("./support/stdio-host.ts", import.meta.url));
  const printed = (...args: string[]) => {
    const { stdout, stderr } = spawnSync(process.execPath, [host, ...args], { encoding: "utf8" });
    return { stdout, stderr };
  };
  const answer = '{"jsonrpc":"2.0","result":"succeeded"}\n';

  it("goes to the standard error, since the standard output may be a protocol's", () => {
    const { stdout, stderr } = printed();
    expect(stdout).toBe(answer);
    expect(stderr.split("\n").sort()).toEqual(["", "printed to stderr", "printed to stdout"]);
  });

  it("goes to the standard output where that is said", () => {
    expect(printed("stdout")).toEqual({ stdout: `printed to stdout\n${answer}`, stderr: "printed to stderr\n" });
    expect(() => createEngine({ workerStdout: "stdin" as never })).toThrow('must be "stderr" or "stdout", got "stdin"');
  });
});

it("on Bun, a module is refused at once, and nothing is started", async () => {
  const engine = createEngine();
  onTestFinished(() => engine.close());
  Object.defineProperty(process.versions, "bun", { value: "1.4.5", configurable: true });
  onTestFinished(() => void Reflect.deleteProperty(process.versions, "bun"));
  await expect(engine.register(module("odd"))).rejects.toThrow("Node workers are not supported on Bun");
  expect(engine.stats().workers).toMatchObject({ starting: 0 });
});
