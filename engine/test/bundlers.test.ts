import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import * as esbuild from "esbuild";
import { build as viteBuild } from "vite";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import webpack from "webpack";
import { isRunning } from "./support/processes.ts";

const ENGINE = join(import.meta.dirname, "..");
const PROGRAMS = ["node-guest", "warden-main", "watchdog-thread"];
const programs = Object.fromEntries(PROGRAMS.map((name) => [name, `endstop/${name}`]));

let folder: string;
/** Where the application is developed: the package is installed there. */
let source: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "endstop-bundlers-"));
  source = join(folder, "source");
  const installed = join(source, "node_modules/endstop");
  mkdirSync(installed, { recursive: true });
  cpSync(join(ENGINE, "dist"), join(installed, "dist"), { recursive: true });
  cpSync(join(ENGINE, "package.json"), join(installed, "package.json"));
  symlinkSync(join(ENGINE, "node_modules"), join(installed, "node_modules"));
  cpSync(join(ENGINE, "test/support/bundled"), source, { recursive: true });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Bundled {
  readonly lines: string[];
  /** Of a command that ran as the application was killed. */
  readonly command: number | undefined;
}

/** Runs a bundle where nothing is installed, and kills it when a command of its own runs, or it has ended. */
async function runBundle(name: string, main: string): Promise<Bundled> {
  const deployed = join(folder, "deployed", name);
  const log = join(deployed, "log");
  cpSync(join(source, "tool.mjs"), join(deployed, "tool.mjs"));
  const child = spawn(process.execPath, [join(deployed, main), pathToFileURL(join(deployed, "tool.mjs")).href, log], {
    cwd: deployed,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  const ended = new Promise((resolve) => child.once("close", resolve));
  await vi.waitFor(() => expect(existsSync(log) || child.exitCode !== null).toBe(true), { timeout: 15_000 });
  const command = existsSync(log)
    ? Number(await vi.waitFor(() => readFileSync(log, "utf8").match(/\d+\n/)?.[0] ?? Promise.reject()))
    : undefined;
  child.kill("SIGKILL");
  await ended;
  return { lines: output.trimEnd().split("\n"), command };
}

async function works(name: string, main: string): Promise<void> {
  const { lines, command } = await runBundle(name, main);
  expect(lines).toEqual(["on the host", "succeeded"]);
  expect(command).toBeTypeOf("number");
  await vi.waitFor(() => expect(isRunning(command as number)).toBe(false), { timeout: 5_000 });
}

const outdir = (name: string): string => join(folder, "deployed", name);

describe("an application that is bundled and runs where nothing is installed has workers, commands and their warden:", () => {
  it.each(["esm", "cjs"] as const)("esbuild, %s, with the programs as entries", async (format) => {
    await esbuild.build({
      absWorkingDir: source,
      entryPoints: { app: "./app.js", ...programs },
      outdir: outdir(`esbuild-${format}`),
      outExtension: { ".js": format === "esm" ? ".mjs" : ".cjs" },
      ...{ bundle: true, platform: "node", format, logLevel: "error", logOverride: { "empty-import-meta": "silent" } },
    });
    await works(`esbuild-${format}`, format === "esm" ? "app.mjs" : "app.cjs");
  });

  it("vite build --ssr, with the programs as entries", async () => {
    await viteBuild({
      root: source,
      configFile: false,
      logLevel: "error",
      ssr: { noExternal: true },
      build: {
        ssr: true,
        outDir: outdir("vite"),
        rollupOptions: { input: { app: join(source, "app.js"), ...programs } },
      },
    });
    await works("vite", "app.mjs");
  });

  it("webpack for Node, without anything said", async () => {
    const stats = await new Promise<webpack.Stats | undefined>((resolve, reject) =>
      webpack(
        {
          ...{ context: source, mode: "production", target: "node", entry: { app: "./app.js" } },
          ...{ optimization: { minimize: false }, output: { path: outdir("webpack") } },
        },
        (error, result) => (error ? reject(error) : resolve(result)),
      ),
    );
    expect(stats?.toJson({ all: false, errors: true, warnings: true })).toMatchObject({ errors: [], warnings: [] });
    await works("webpack", "app.js");
  });
});

it("a bundle without the programs says so at the first command and the first worker, and calls on the host go on", async () => {
  await esbuild.build({
    absWorkingDir: source,
    entryPoints: { app: "./app.js" },
    outdir: outdir("bare"),
    outExtension: { ".js": ".mjs" },
    ...{ bundle: true, platform: "node", format: "esm", logLevel: "error" },
  });
  const { lines, command } = await runBundle("bare", "app.mjs");
  expect(command).toBeUndefined();
  const cannot = expect.stringMatching(
    /^endstop cannot find its program warden-main, which a bundle has to take along \(docs\/bundlers\.md\)\. Tried: .*bare/,
  );
  expect(lines.toSorted()).toEqual(["ENDSTOP_NO_WATCHDOG", cannot, cannot, "on the host"]);
});

it("CommonJS requires the package", async () => {
  const code = 'const { createEngine } = require("endstop"); process.stdout.write(typeof createEngine)';
  const child = spawn(process.execPath, ["-e", code], { cwd: source, stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  for await (const chunk of child.stdout) output += chunk;
  expect(output).toBe("function");
});
