import type { Placement } from "../call/outcome.ts";
import { parseDuration, requireCount, requirePositive, show } from "../internal/duration.ts";
import { refuseUnknownKeys } from "../internal/nearest.ts";

/** The limits of one tool. What is left out comes from the engine's defaults. */
export interface PolicyOptions {
  /**
   * How long one attempt may take, such as `"30s"`; the clock starts when the body starts. `null` is no deadline.
   * Default: the engine's.
   */
  readonly timeout?: string | null | undefined;
  /** The same in milliseconds. Give one of the two. */
  readonly timeoutMs?: number | null | undefined;
  /** Calls this engine admits of the tool, over all its runs. Default: no limit. */
  readonly maxCalls?: number | null | undefined;
  /** Calls one run admits of the tool. Default: no limit. */
  readonly maxCallsPerRun?: number | null | undefined;
  /** Where the body runs. Default `host`: moving a tool is never automatic. */
  readonly placement?: Placement | undefined;
  /**
   * The tool is meant to be asked the same thing again until its answer changes: its unchanged results are
   * counted against a limit of their own (30). Default false.
   */
  readonly poller?: boolean | undefined;
}

/** The options compiled: every limit known, units in the names. */
export interface Policy {
  readonly timeoutMs: number | null;
  readonly maxCalls: number | null;
  readonly maxCallsPerRun: number | null;
  readonly placement: Placement;
  readonly poller: boolean;
}

export const POLICY_KEYS = ["timeout", "timeoutMs", "maxCalls", "maxCallsPerRun", "placement", "poller"] as const;

/**
 * Compiles a tool's options over the engine's defaults.
 *
 * @throws TypeError or RangeError that names the option, the value and what it may be
 */
export function compilePolicy(options: PolicyOptions, defaults: Pick<Policy, "timeoutMs">, what: string): Policy {
  refuseUnknownKeys(options, POLICY_KEYS, what);
  return {
    timeoutMs: compileTimeout(options, defaults.timeoutMs, what),
    maxCalls: optionalCount(options.maxCalls, `${what} maxCalls`),
    maxCallsPerRun: optionalCount(options.maxCallsPerRun, `${what} maxCallsPerRun`),
    placement: compilePlacement(options.placement, what),
    poller: compileFlag(options.poller, `${what} poller`),
  };
}

/** Reads `timeout` or `timeoutMs`; undefined gives the default, null no deadline. */
export function compileTimeout(
  options: Pick<PolicyOptions, "timeout" | "timeoutMs">,
  defaultMs: number | null,
  what: string,
): number | null {
  const { timeout, timeoutMs } = options;
  if (timeout !== undefined && timeoutMs !== undefined) {
    throw new TypeError(`${what} has both timeout and timeoutMs: give one of the two`);
  }
  if (timeout === null || timeoutMs === null) return null;
  if (timeout !== undefined) return parseDuration(timeout, `${what} timeout`);
  return timeoutMs === undefined ? defaultMs : requirePositive(timeoutMs, `${what} timeoutMs`);
}

function optionalCount(value: number | null | undefined, option: string): number | null {
  return value === undefined || value === null ? null : requireCount(value, option);
}

function compilePlacement(value: unknown, what: string): Placement {
  if (value === undefined) return "host";
  if (value !== "host" && value !== "worker") {
    throw new TypeError(`${what} placement must be "host" or "worker", got ${show(value)}`);
  }
  return value;
}

function compileFlag(value: unknown, option: string): boolean {
  if (value === undefined) return false;
  if (typeof value !== "boolean") throw new TypeError(`${option} must be true or false, got ${show(value)}`);
  return value;
}
