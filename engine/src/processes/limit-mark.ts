import { randomInt } from "node:crypto";
import { accessSync, closeSync, constants, existsSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";

/** Of util-linux: sets a limit on itself and becomes the program. Node cannot set limits. */
const SETTER = ["/usr/bin/prlimit", "/bin/prlimit"].find((path) => existsSync(path));
/** How many processes of an engine have marks of their own at once. */
const BLOCK = 2 ** 16;
const LOWEST = 2 ** 30;
const HIGHEST = 2 ** 47;

/** Marks from `from` up to, not including, `to`. */
export interface MarkRange {
  readonly from: number;
  readonly to: number;
}

/**
 * The marks of one engine's processes that no program clears by accident: the limit on file locks, which Linux has kept since 2.4 and does not
 * heed, set to a number that no other engine has. It is inherited by whatever a process starts, with `env -i`, `setsid` and all descriptors closed.
 */
export class LimitMarks {
  readonly engine: MarkRange;
  /** What this process may not go above: an engine inside a worker of another leaves that one's mark standing. */
  readonly #hard: number | undefined;

  private constructor(from: number, hard: number | undefined) {
    this.engine = { from, to: from + BLOCK };
    this.#hard = hard;
  }

  /** Undefined where the system has no such limit, or no program that sets it. */
  static create(limits = ownLimits()): LimitMarks | undefined {
    const hard = limits === undefined ? undefined : marksIn(limits)[1];
    if (!SETTER || hard === undefined) return undefined;
    const isBounded = hard !== Number.POSITIVE_INFINITY;
    const highest = isBounded ? Math.min(hard, HIGHEST) : HIGHEST;
    if (highest - BLOCK <= LOWEST) return undefined;
    return new LimitMarks(randomInt(LOWEST, highest - BLOCK), isBounded ? hard : undefined);
  }

  /** Of the n-th process. */
  of(n: number): MarkRange {
    const from = this.engine.from + (n % BLOCK);
    return { from, to: from + 1 };
  }

  /** The command that starts a program with a mark; the program itself where it could not be found: then its start says so. */
  command(
    { from }: MarkRange,
    program: string,
    args: readonly string[],
    env: NodeJS.ProcessEnv,
    cwd: string,
  ): [string, readonly string[]] {
    if (!SETTER || !canStart(program, env, cwd)) return [program, args];
    return [SETTER, [`--locks=${from}:${this.#hard ?? from}`, "--", program, ...args]];
  }
}

/** Whether what `/proc/<pid>/limits` says is a mark of these. */
export function isMarked(limits: string, { from, to }: MarkRange): boolean {
  return marksIn(limits).some((mark) => mark >= from && mark < to);
}

function marksIn(limits: string): number[] {
  const [, soft, hard] = /^Max file locks +(\S+) +(\S+)/m.exec(limits) ?? [];
  return [soft, hard].flatMap((text) =>
    text === undefined ? [] : text === "unlimited" ? [Number.POSITIVE_INFINITY] : [Number(text)],
  );
}

function ownLimits(): string | undefined {
  try {
    return readFileSync("/proc/self/limits", "latin1");
  } catch {
    return undefined; // no Linux
  }
}

/** Whether the kernel would find a program to run, and the interpreter that its first line names. */
function canStart(program: string, env: NodeJS.ProcessEnv, cwd: string): boolean {
  const folders = program.includes("/") ? [""] : (env.PATH ?? "/usr/bin:/bin").split(delimiter);
  const path = folders.map((folder) => resolve(cwd, join(folder, program))).find(isExecutable);
  if (path === undefined) return false;
  const [, interpreter] = /^#!\s*(\S+)/.exec(firstBytes(path)) ?? [];
  return interpreter === undefined || isExecutable(resolve(cwd, interpreter));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    const stat = statSync(path);
    return stat.isFile() && (stat.mode & 0o111) !== 0;
  } catch {
    return false;
  }
}

function firstBytes(path: string): string {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch {
    return ""; // a binary that may be run and not read
  }
  try {
    const bytes = Buffer.alloc(256);
    return bytes.toString("latin1", 0, readSync(file, bytes, 0, bytes.length, 0));
  } finally {
    closeSync(file);
  }
}
