import { rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it, onTestFinished, vi } from "vitest";
import { createEngine, type Engine, type EngineOptions } from "../src/index.ts";
import { makeLog } from "./support/processes.ts";

function makeEngine(options: EngineOptions = {}): Engine {
  const engine = createEngine(options);
  onTestFinished(() => engine.close({ graceMs: 1 }));
  return engine;
}

function moody(parameters: Record<string, string>): URL {
  const url = new URL("./support/tools/moody.ts", import.meta.url);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url;
}

it("loses no call to workers whose import failed for a second while calls passed their deadline", async () => {
  const engine = makeEngine();
  const { path: broken } = makeLog();
  await engine.register(moody({ broken, name: "moody" }));
  await engine.register(moody({ name: "other" }));
  await Promise.all([1, 2, 3, 4].map((n) => engine.call("moody", { do: "sleep", forMs: 1_500, n })));
  writeFileSync(broken, "");
  const expired = [1, 2, 3, 4, 5].map((n) => engine.call("moody", { do: "wait", n }, { timeout: "50ms" }));
  expect((await Promise.all(expired)).map(({ status }) => status)).toEqual(Array(5).fill("timed-out"));
  const during = [1, 2, 3, 4, 5, 6].map((n) => engine.call("moody", { do: "pid", n }));
  expect(await engine.call("other", { do: "pid" })).toMatchObject({ status: "succeeded" });
  await sleep(1_000);
  rmSync(broken);
  expect((await Promise.all(during)).map(({ status }) => status)).toEqual(Array(6).fill("succeeded"));
  const after = await Promise.all(Array.from({ length: 20 }, (_, n) => engine.call("moody", { do: "pid", n })));
  expect(after.filter(({ status }) => status !== "succeeded")).toEqual([]);
}, 30_000);

it("imports a module that could not be registered anew when it is registered again", async () => {
  const engine = makeEngine();
  const { path: broken } = makeLog();
  await engine.register(moody({ name: "other" }));
  writeFileSync(broken, "");
  await expect(engine.register(moody({ broken }))).rejects.toThrow("licence server");
  rmSync(broken);
  await engine.register(moody({ broken }));
  expect(await engine.call("moody", { do: "pid" })).toMatchObject({ status: "succeeded" });
}, 30_000);

it("bounds the wait for a worker by waitTimeout, and counts it", async () => {
  const engine = makeEngine();
  await engine.register(moody({}), { timeout: "700ms", waitTimeout: "500ms" });
  await engine.register(moody({ name: "long" }));
  const busy = [1, 2, 3, 4].map((n) => engine.call("long", { do: "wait", n }));
  await vi.waitFor(() => expect(engine.stats().workers.busy).toBe(4), { timeout: 10_000 });
  const fifth = engine.call("moody", { do: "pid" });
  expect(engine.stats()).toMatchObject({ inFlight: 5, waiting: 1, workers: { waiting: 1 } });
  expect(await fifth).toMatchObject({ status: "timed-out", attempts: 0, failure: { code: "wait-timed-out" } });
  expect(engine.stats()).toMatchObject({ inFlight: 4, waiting: 0, workers: { waiting: 0 } });
  engine.destroy();
  await Promise.all(busy);
}, 30_000);
