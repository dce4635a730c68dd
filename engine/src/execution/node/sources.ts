import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Entry, SourceLog } from "./source-log.ts";

/** What an import was resolved to, or the source of a file: what Node's hooks give, as it stands in the log. */
export interface Resolved {
  readonly url: string;
  readonly format?: string | null | undefined;
}
export interface Loaded {
  readonly format: string | null | undefined;
  readonly source: Buffer;
}

const RESOLVED = "resolved";
const LOADED = "loaded";

export function resolvedEntry(way: string, parent: string, specifier: string, { url, format }: Resolved): Entry {
  return [resolvedKey(way, parent, specifier), Buffer.from(JSON.stringify({ url, format }))];
}

export function resolvedKey(way: string, parent: string, specifier: string): string {
  return [RESOLVED, way, parent, specifier].join("\0");
}

export function loadedEntry(url: string, { format, source }: Loaded): Entry {
  return [loadedKey(url), Buffer.concat([Buffer.from(`${JSON.stringify(format ?? null)}\n`), source])];
}

export function loadedKey(url: string): string {
  return `${LOADED}\0${url}`;
}

export function readResolved(body: Buffer): Resolved {
  return JSON.parse(body.toString());
}

export function readLoaded(body: Buffer): Loaded {
  const end = body.indexOf("\n");
  return { format: JSON.parse(body.toString("utf8", 0, end)), source: body.subarray(end + 1) };
}

/**
 * A new version of what workers import: all that stands in `old`, without the module and what it has imported, which are read anew. What others
 * of the modules import too, and is no longer there, stays as it was.
 */
export function nextVersion(old: SourceLog, module: string, others: Iterable<string>): SourceLog {
  const next = SourceLog.create();
  carryOver(old, next, module, others);
  return next;
}

/** May be repeated for what has come to `old` since. */
export function carryOver(old: SourceLog, next: SourceLog, module: string, others: Iterable<string>): void {
  const importsOf = importsIn(old);
  const needed = closure(importsOf, others);
  const replaced = closure(importsOf, [module]);
  for (const url of replaced) if (url !== module && needed.has(url) && !isThere(url)) replaced.delete(url);
  const has = new Set(next.keys);
  for (const key of old.keys) {
    const body = replaced.has(fileOf(key)) || has.has(key) ? undefined : old.get(key);
    if (body) next.add([[key, body]]);
  }
}

/** What an entry is about: the file that was read, or the one that imports. */
function fileOf(key: string): string {
  const [kind, url, parent] = key.split("\0");
  return (kind === LOADED ? url : parent) ?? "";
}

/** What each file has imported, as far as it is known, and what a link leads to. */
function importsIn(log: SourceLog): Map<string, string[]> {
  const imports = new Map<string, string[]>();
  const add = (from: string, url: string): void => {
    const known = imports.get(from);
    if (known) known.push(url);
    else imports.set(from, [url]);
  };
  for (const key of log.keys) {
    const [kind, , parent = "", specifier = ""] = key.split("\0");
    const body = kind === RESOLVED ? log.get(key) : undefined;
    if (!body) continue;
    const { url } = readResolved(body);
    add(parent, url);
    if (specifier.startsWith("file:")) add(specifier, url);
  }
  return imports;
}

function closure(importsOf: ReadonlyMap<string, readonly string[]>, roots: Iterable<string>): Set<string> {
  const reached = new Set(roots);
  for (const url of reached) for (const imported of importsOf.get(url) ?? []) reached.add(imported);
  return reached;
}

function isThere(url: string): boolean {
  return existsSync(fileURLToPath(url));
}
