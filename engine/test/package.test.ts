import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { afterAll, beforeAll, expect, it } from "vitest";

/** The npm of the Node that runs the tests. */
const NPM = join(dirname(process.execPath), "../lib/node_modules/npm/bin/npm-cli.js");
const ENGINE = join(import.meta.dirname, "..");

let folder: string;
let tarball: Buffer;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "endstop-package-"));
  execFileSync(process.execPath, [NPM, "pack", "--ignore-scripts", "--loglevel=error", "--pack-destination", folder], {
    cwd: ENGINE,
    stdio: "pipe",
  });
  const [file] = readdirSync(folder);
  tarball = readFileSync(join(folder, String(file)));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("is what publint asks of a package", async () => {
  const { messages, pkg } = await publint({ pack: { tarball: toArrayBuffer(tarball) } });
  expect(messages.map((message) => formatMessage(message, pkg ?? {}))).toEqual([]);
});

it("has types that every way of resolving a module finds, but for CommonJS, which it is not for", async () => {
  const result = await checkPackage(createPackageFromTarballData(tarball), { entrypoints: ["."] }); // nobody imports the programs
  const problems = "problems" in result ? result.problems : undefined;
  // Node's old resolution knows no `exports`: the oldest supported Node does.
  const wrong = problems?.filter((problem) => !("resolutionKind" in problem && problem.resolutionKind === "node10"));
  expect(wrong?.map((problem) => problem.kind)).toEqual(["CJSResolvesToESM"]);
});

it.each(["node-guest", "warden-main", "watchdog-thread"])(
  "has %s as one file that needs nothing but Node",
  (program) => {
    const source = readFileSync(join(ENGINE, "dist", `${program}.mjs`), "utf8");
    const imported = [...source.matchAll(/^import\b.*?"([^"]+)";$/gm)].map(([, name]) => String(name));
    expect(imported).not.toEqual([]);
    expect(imported.filter((name) => !name.startsWith("node:"))).toEqual([]);
  },
);

function toArrayBuffer(data: Buffer): ArrayBuffer {
  return new Uint8Array(data).buffer;
}
