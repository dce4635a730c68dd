import { existsSync, readFileSync } from "node:fs";
import type { LoadFnOutput, ModuleSource, ResolveFnOutput } from "node:module";
import { fileURLToPath } from "node:url";
import { type Entry, SourceLog } from "./source-log.ts";
import { loadedEntry, loadedKey, readLoaded, readResolved, resolvedEntry, resolvedKey } from "./sources.ts";

/** Added in Node 22.15; the types say it is always there. Deno and Bun have none. */
const { isBuiltin, registerHooks } = process.getBuiltinModule("node:module") as Partial<
  typeof import("node:module")
> as typeof import("node:module");

/**
 * Has this process import what other workers have imported: the first source of a file that was read is the one that counts, although the file
 * has been changed since, or is gone. What a registered module imports is told to the others only when the whole of it could be imported.
 */
export class SourceHooks {
  readonly #log: SourceLog;
  /** While a module is imported: what the others do not know yet. */
  #pending: Map<string, Buffer> | undefined;
  /** Who requires a file a second time has thrown it out of the cache to read it anew. */
  readonly #required = new Set<string>();
  #isFull = false;

  constructor(fd: number) {
    this.#log = new SourceLog(fd);
    registerHooks({
      resolve: (specifier, { parentURL = "", conditions }, next) => {
        if (isBuiltin(specifier)) return next(specifier);
        const way = conditions?.includes("require") ? "require" : "import";
        const known = this.#get(resolvedKey(way, parentURL, specifier));
        if (known) return { ...readResolved(known), shortCircuit: true } as ResolveFnOutput;
        const resolved = next(specifier);
        if (!resolved.url.startsWith("file:")) return resolved;
        const told = this.#put(resolvedEntry(way, parentURL, specifier, resolved));
        return { ...resolved, ...readResolved(told) } as ResolveFnOutput;
      },
      load: (url, context, next) => {
        if (!url.startsWith("file:")) return next(url);
        const isRequired = context.conditions?.includes("require") ?? false;
        if (isRequired && this.#required.has(url)) return next(url);
        if (isRequired) this.#required.add(url);
        const known = this.#get(loadedKey(url));
        if (known) return asLoaded(known, context.format, () => formatOf(url, next));
        const loaded = next(url);
        const source = bytesOf(loaded, url);
        return source
          ? asLoaded(this.#put(loadedEntry(url, { format: loaded.format, source })), context.format)
          : loaded;
      },
    });
  }

  /** Imports a module of which all or nothing is told to the others. @throws Error, as for a failed import, if files have changed meanwhile */
  async importWhole<Imported>(module: () => Promise<Imported>): Promise<Imported> {
    const pending = new Map<string, Buffer>();
    this.#pending = pending;
    try {
      const imported = await module();
      this.#add([...pending]);
      for (const [key, body] of pending) {
        const counts = this.#log.get(key);
        if (counts && !counts.equals(body)) throw new Error(`${fileOf(key)} was changed while it was imported`);
      }
      return imported;
    } finally {
      this.#pending = undefined;
    }
  }

  #get(key: string): Buffer | undefined {
    return this.#pending?.get(key) ?? this.#log.get(key);
  }

  /** @returns what counts: ours, if nobody was before us */
  #put([key, body]: Entry): Buffer {
    if (this.#pending) this.#pending.set(key, body);
    else this.#add([[key, body]]);
    return this.#get(key) ?? body;
  }

  #add(entries: readonly Entry[]): void {
    if (this.#log.add(entries) || this.#isFull) return;
    this.#isFull = true;
    process.stderr.write(
      "endstop: workers have imported more than can be kept: what is changed now can differ among them\n",
    );
  }
}

function asLoaded(body: Buffer, wanted: string | null | undefined, find?: () => LoadFnOutput["format"]): LoadFnOutput {
  const { format: known, source } = readLoaded(body);
  return { format: known ?? wanted ?? find?.(), source, shortCircuit: true } as LoadFnOutput;
}

/** Of a file that was required at first, and is imported now. */
function formatOf(url: string, next: (url: string) => LoadFnOutput): LoadFnOutput["format"] {
  return existsSync(fileURLToPath(url)) ? next(url).format : "commonjs";
}

/** Undefined for an add-on, which is no source. */
function bytesOf({ source, format }: LoadFnOutput, url: string): Buffer | undefined {
  if (source !== null && source !== undefined) return toBuffer(source);
  return format === "commonjs" ? readFileSync(fileURLToPath(url)) : undefined;
}

function toBuffer(source: ModuleSource): Buffer {
  if (typeof source === "string") return Buffer.from(source);
  return source instanceof ArrayBuffer
    ? Buffer.from(source)
    : Buffer.from(source.buffer, source.byteOffset, source.byteLength);
}

function fileOf(key: string): string {
  return key.split("\0").at(-1) ?? key;
}
