import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** What an engine starts as a process or a thread. Each is one file without imports of its own, and an entry of the package. */
export type Program = "node-guest" | "warden-main" | "watchdog-thread";

const SOURCES: Readonly<Record<Program, string>> = {
  "node-guest": "../execution/node/guest.ts",
  "warden-main": "../processes/warden-main.ts",
  "watchdog-thread": "../execution/host/watchdog-thread.ts",
};

/** In the package they stand beside this file. Written out in full, since that is how webpack sees that it has to take them along. */
const BESIDE: Readonly<Record<Program, () => URL>> = {
  "node-guest": () => new URL("./node-guest.mjs", import.meta.url),
  "warden-main": () => new URL("./warden-main.mjs", import.meta.url),
  "watchdog-thread": () => new URL("./watchdog-thread.mjs", import.meta.url),
};

/** Of a bundle that is CommonJS. */
declare const __filename: string | undefined;

const found = new Map<Program, string>();

/**
 * The path of a program: beside this module, beside the bundle that it is part of or the script that runs, else in the installed package.
 *
 * @throws Error that lists where it was looked for
 */
export function findProgram(name: Program): string {
  let path = found.get(name);
  if (path === undefined) {
    path = search(name);
    found.set(name, path);
  }
  return path;
}

function search(name: Program): string {
  const url = import.meta.url as string | undefined;
  if (url?.endsWith(".ts")) return fileURLToPath(new URL(SOURCES[name], url));
  const tried: string[] = [];
  const isThere = (path: string): boolean => tried.push(path) > 0 && existsSync(path);
  const beside = url === undefined ? undefined : fileURLToPath(BESIDE[name]());
  if (beside !== undefined && isThere(beside)) return beside;
  const here = url === undefined ? __filename : fileURLToPath(url);
  const scripts = [here, process.argv[1]].filter((script) => script !== undefined);
  for (const folder of new Set(scripts.map(dirname))) {
    for (const ending of [".mjs", ".js", ".cjs"]) {
      const path = join(folder, name + ending);
      if (path !== beside && isThere(path)) return path;
    }
  }
  // Imported, webpack would follow it.
  const { createRequire } = process.getBuiltinModule("node:module");
  for (const script of new Set(scripts)) {
    try {
      return createRequire(pathToFileURL(script)).resolve(`endstop/${name}`);
    } catch {
      tried.push(`endstop/${name} from ${script}`);
    }
  }
  throw new Error(
    `endstop cannot find its program ${name}, which a bundle has to take along (docs/bundlers.md). Tried: ${tried.join(", ")}`,
  );
}
