import { requireCount } from "../internal/duration.ts";
import { refuseUnknownKeys } from "../internal/nearest.ts";
import { compileTimeout } from "./policy.ts";

/** The limits of an engine. */
export interface EngineOptions {
  /**
   * How long one attempt may take where the tool says nothing else, such as `"30s"`; the clock starts when the body
   * starts. `null` is no deadline. Default `"120s"`.
   */
  readonly timeout?: string | null | undefined;
  /** The same in milliseconds. Give one of the two. */
  readonly timeoutMs?: number | null | undefined;
  /** How deep calls may nest; a call that no body made is at depth 1. Default 8. */
  readonly maxDepth?: number | undefined;
}

/** The options compiled. */
export interface EngineLimits {
  readonly timeoutMs: number | null;
  readonly maxDepth: number;
}

const DEFAULT_TIMEOUT_MS = 120_000;
const DEFAULT_MAX_DEPTH = 8;

/** @throws TypeError or RangeError that names the option, the value and what it may be */
export function compileEngineOptions(options: EngineOptions): EngineLimits {
  refuseUnknownKeys(options, ["timeout", "timeoutMs", "maxDepth"], "engine options");
  return {
    timeoutMs: compileTimeout(options, DEFAULT_TIMEOUT_MS, "engine"),
    maxDepth: options.maxDepth === undefined ? DEFAULT_MAX_DEPTH : requireCount(options.maxDepth, "engine maxDepth"),
  };
}
