import { parseDuration, requireCount, requirePositive, show } from "../util/duration.ts";
import { readOptions } from "../util/nearest.ts";
import { parseRate } from "../util/rate.ts";
import { parseSize } from "../util/size.ts";
import { type Level, OPTIONS, type OptionEntry, type Policy } from "./options.generated.ts";

/** Kinds that may also be given as a number, under a name with this unit. */
const UNITS: Partial<Record<OptionEntry["kind"], string>> = { duration: "Ms", size: "Bytes" };

/** Where each name that a user may write leads. */
interface Spelling {
  readonly entry: OptionEntry;
  /** The key in a {@link Policy}. */
  readonly compiled: keyof Policy;
  readonly inUnit: boolean;
  /** The other spelling of the same option. */
  readonly twin: string | undefined;
}

const SPELLINGS = new Map<string, Spelling>();
for (const [name, entry] of Object.entries(OPTIONS)) {
  const unit = UNITS[entry.kind];
  const compiled = (name + (unit ?? "")) as keyof Policy;
  SPELLINGS.set(name, { entry, compiled, inUnit: false, twin: unit && compiled });
  if (unit) SPELLINGS.set(compiled, { entry, compiled, inUnit: true, twin: name });
}

/** The names that may be written at a level. */
export function optionNames(level: Level): string[] {
  return [...SPELLINGS].filter(([, { entry }]) => entry.levels.includes(level)).map(([name]) => name);
}

const NAMES: Readonly<Record<Level, readonly string[]>> = {
  engine: optionNames("engine"),
  agent: optionNames("agent"),
  tool: optionNames("tool"),
  call: optionNames("call"),
};

/**
 * Compiles the options given at one level; what is left out stays out.
 *
 * @throws TypeError or RangeError that names the option, the value and what it may be; for an unknown option, the nearest known one
 */
export function compileOptions(given: object, level: Level, what: string): Partial<Policy> {
  const options = readOptions(given, NAMES[level], what);
  const compiled: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) {
    const spelling = SPELLINGS.get(name);
    if (value === undefined || !spelling) continue;
    if (spelling.twin !== undefined && (options as Record<string, unknown>)[spelling.twin] !== undefined) {
      throw new TypeError(`${what} has both ${name} and ${spelling.twin}: give one of the two`);
    }
    compiled[spelling.compiled] = compileValue(value, spelling.entry, spelling.inUnit, `${what} ${name}`);
  }
  refuseContradictions(compiled, what);
  return compiled as Partial<Policy>;
}

function refuseContradictions(compiled: Readonly<Record<string, unknown>>, what: string): void {
  for (const [name, value] of Object.entries(compiled)) {
    for (const [other, reason] of Object.entries(OPTIONS[name]?.excludes ?? {}))
      if (value === true && compiled[other] === true)
        throw new RangeError(`${what} cannot have both ${name} and ${other}: ${reason}`);
  }
}

/** @throws TypeError for limits of bodies in the other place than where the tool's run: nothing would hold them */
export function refuseOptionsOf(where: "host" | "worker", options: object, what: string): void {
  for (const [name, value] of Object.entries(options)) {
    if (SPELLINGS.get(name)?.entry.where !== where || value === undefined || value === null) continue;
    const [other, own] = where === "worker" ? ["in a worker", "on the host"] : ["on the host", "in a worker"];
    throw new TypeError(`${what} cannot have ${name}: it bounds a body ${other}, and this one runs ${own}`);
  }
}

/** Compiles the default of an option. */
export function compileDefault(entry: OptionEntry, value: unknown): unknown {
  return compileValue(value, entry, false, "default");
}

function compileValue(value: unknown, entry: OptionEntry, inUnit: boolean, option: string): unknown {
  if (value === null) {
    if (entry.nullable) return null;
    throw new TypeError(`${option} cannot be null`);
  }
  switch (entry.kind) {
    case "duration":
      return inUnit ? requirePositive(value, option) : parseDuration(value, option);
    case "size":
      return inUnit ? requireCount(value, option) : parseSize(value, option);
    case "count":
      return requireWithin(requireCount(value, option), entry, option);
    case "rate":
      return parseRate(value, option);
    case "flag":
      if (typeof value !== "boolean") throw new TypeError(`${option} must be true or false, got ${show(value)}`);
      return value;
    case "choice":
      return compileChoice(value, entry.choices ?? [], option);
    case "names":
      return compileNames(value, option);
  }
}

function requireWithin(count: number, { min = 1, max = Number.MAX_SAFE_INTEGER }: OptionEntry, option: string): number {
  if (count < min) throw new RangeError(`${option} must be at least ${min}, got ${count}`);
  if (count > max) throw new RangeError(`${option} must be at most ${max}, got ${count}`);
  return count;
}

function compileNames(value: unknown, option: string): readonly string[] {
  if (!Array.isArray(value)) throw new TypeError(`${option} must be a list of names, got ${show(value)}`);
  for (const name of value) {
    if (typeof name !== "string" || name === "") throw new TypeError(`${option} must have names, got ${show(name)}`);
  }
  return Object.freeze([...new Set<string>(value)]);
}

function compileChoice(value: unknown, choices: readonly string[], option: string): string {
  if (typeof value === "string" && choices.includes(value)) return value;
  const known = choices.map((choice) => JSON.stringify(choice)).join(" or ");
  throw new TypeError(`${option} must be ${known}, got ${show(value)}`);
}
