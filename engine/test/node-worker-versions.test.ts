import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { expect, it, onTestFinished } from "vitest";
import { createEngine, type Engine } from "../src/index.ts";

const FILES: Readonly<Record<string, string>> = {
  "tool.mjs": `
    import { createRequire } from "node:module";
    import lib from "./lib.cjs";
    import data from "./data.json" with { type: "json" };
    import { dep } from "dep";
    import { late } from "./shared.mjs";
    const require = createRequire(import.meta.url);
    export const tool = {
      name: "versioned",
      async run({ forMs = 0, ends }) {
        if (ends) process.kill(process.pid, "SIGKILL");
        await new Promise((resolve) => setTimeout(resolve, forMs));
        const lazy = (await import("./lazy.mjs")).lazy;
        const parts = [VERSION, lib.version, data.version, dep, late, lazy, require("./late.cjs"), require("./late.json").version];
        return { pid: process.pid, version: [...new Set(parts)].join() };
      },
    };`,
  "lib.cjs": "module.exports = require('./inner.cjs');",
  "inner.cjs": "exports.version = VERSION;",
  "data.json": `{ "version": VERSION }`,
  "node_modules/dep/package.json": `{ "name": "dep", "exports": "./vVERSION.mjs" }`,
  "node_modules/dep/vVERSION.mjs": "export const dep = VERSION;",
  "shared.mjs": "export const late = VERSION;",
  "lazy.mjs": "export const lazy = VERSION;",
  "late.cjs": "module.exports = VERSION;",
  "late.json": `{ "version": VERSION }`,
  "other.mjs": `
    import { late } from "./shared.mjs";
    export const tool = { name: "other", run: () => "other" + VERSION + late };`,
};

function makeTool() {
  const folder = mkdtempSync(join(tmpdir(), "endstop-versions-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, "node_modules/dep"), { recursive: true });
  const write = (version: number, names = Object.keys(FILES)): void => {
    for (const name of names) {
      const [path, text] = [name, FILES[name] ?? ""].map((part) => part.replaceAll("VERSION", String(version)));
      writeFileSync(join(folder, path ?? ""), text ?? "");
    }
  };
  write(1);
  return {
    folder,
    write,
    url: pathToFileURL(join(folder, "tool.mjs")),
    other: pathToFileURL(join(folder, "other.mjs")),
  };
}

function makeEngine(): Engine {
  const engine = createEngine();
  onTestFinished(() => engine.close({ graceMs: 1 }));
  return engine;
}

async function versions(engine: Engine, calls = 6, tool = "versioned", forMs = 10): Promise<unknown[]> {
  const outcomes = await Promise.all(Array.from({ length: calls }, (_, n) => engine.call(tool, { forMs, n })));
  return outcomes.map((outcome) =>
    outcome.status !== "succeeded"
      ? outcome.failure.message
      : ((outcome.value as { version?: string }).version ?? outcome.value),
  );
}

/** Has the workers that there are replaced. */
async function renewWorkers(engine: Engine): Promise<void> {
  const ended = await Promise.all([1, 2, 3].map((n) => engine.call("versioned", { ends: true, n })));
  expect(ended.map(({ status }) => status)).toEqual(Array(3).fill("failed"));
}

it("has workers that start after an edit run what the first one read", async () => {
  const { url, write } = makeTool();
  const engine = makeEngine();
  await engine.register(url);
  expect(await versions(engine, 1)).toEqual(["1"]);
  write(2);
  await renewWorkers(engine);
  expect(await versions(engine)).toEqual(Array(6).fill("1"));
}, 30_000);

it("has workers start although the files are gone", async () => {
  const { url, folder } = makeTool();
  const engine = makeEngine();
  await engine.register(url);
  expect(await versions(engine, 1)).toEqual(["1"]);
  renameSync(folder, `${folder}-gone`);
  try {
    await renewWorkers(engine);
    expect(await versions(engine)).toEqual(Array(6).fill("1"));
  } finally {
    renameSync(`${folder}-gone`, folder);
  }
}, 30_000);

it("replaces a module with all that it imports when it is registered again, lets busy workers finish, and leaves others alone", async () => {
  const { url, other, write } = makeTool();
  const engine = makeEngine();
  await engine.register(url);
  await engine.register(other);
  expect(await versions(engine, 4)).toEqual(Array(4).fill("1"));
  const busy = versions(engine, 2, "versioned", 1_500);
  await sleep(50);
  write(2);
  await engine.register(url);
  expect(await versions(engine)).toEqual(Array(6).fill("2"));
  expect(await busy).toEqual(["1", "1"]);
  expect(await versions(engine, 4, "other")).toEqual(Array(4).fill("other12"));
}, 30_000);

it("goes on with the version it has when the new one cannot be imported, or is refused", async () => {
  const { url, folder, write } = makeTool();
  const engine = makeEngine();
  await engine.register(url);
  expect(await versions(engine, 1)).toEqual(["1"]);
  writeFileSync(join(folder, "lib.cjs"), "this is no program");
  await expect(engine.register(url)).rejects.toThrow("cannot be loaded in a worker: SyntaxError");
  write(2);
  writeFileSync(join(folder, "tool.mjs"), `export const tool = { name: "renamed", run: () => 1 };`);
  await expect(engine.register(url)).rejects.toThrow(
    "was registered as tool versioned, and names its tool renamed now",
  );
  expect(await versions(engine)).toEqual(Array(6).fill("1"));
  write(3);
  await engine.register(url);
  expect(await versions(engine)).toEqual(Array(6).fill("3"));
}, 30_000);

it("reads a module anew that could not be imported the first time", async () => {
  const { url, folder, write } = makeTool();
  const engine = makeEngine();
  writeFileSync(join(folder, "lib.cjs"), "this is no program");
  await expect(engine.register(url)).rejects.toThrow("SyntaxError");
  write(2);
  await engine.register(url);
  expect(await versions(engine)).toEqual(Array(6).fill("2"));
}, 30_000);

it("takes many registrations of a busy module, one after the other, and leaves no worker behind", async () => {
  const { url, write } = makeTool();
  const engine = makeEngine();
  await engine.register(url);
  expect(await versions(engine, 1)).toEqual(["1"]);
  const busy = versions(engine, 3, "versioned", 1_000);
  await sleep(50);
  write(2);
  await Promise.all(Array.from({ length: 5 }, () => engine.register(url)));
  expect(await busy).toEqual(["1", "1", "1"]);
  expect(await versions(engine, 4)).toEqual(Array(4).fill("2"));
  const { busy: atWork, idle, starting } = engine.stats().workers;
  expect(atWork).toBe(0);
  expect(idle + starting).toBeLessThanOrEqual(5);
}, 30_000);
