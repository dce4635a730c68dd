import type { RetryLimits } from "../../src/guards/retry-delay.ts";
import type { Effect } from "../../src/policy/effect.ts";
import type { Need } from "../../src/scheduling/cap.ts";
import type { Permits } from "../../src/scheduling/permits.ts";
import { ResultCache } from "../../src/state/result-cache.ts";
import type { PressureSample } from "../../src/telemetry/sample.ts";
import type { Clock } from "../../src/util/clock.ts";
import type { Random } from "./random.ts";

/** A tool as the seed made it. */
export interface SimulatedTool {
  readonly name: string;
  readonly need: Need;
  /** Names of the caps of {@link need}, with the limit of each but the engine's. */
  readonly limits: ReadonlyMap<string, number>;
  readonly effect: Effect;
  readonly cache: ResultCache | undefined;
  readonly retry: RetryLimits | null;
  readonly meanMs: number;
  readonly timeoutMs: number;
  readonly failureRate: number;
  /** Bodies that call other tools and wait for them. */
  readonly nestingRate: number;
  readonly inputs: number;
}

export const ENGINE_LIMIT = 60;
export const RESOURCES = { gpu: 4, api: 12 } as const;
/** No call waits longer for its permits. */
export const WAIT_LIMIT_MS = 20_000;

const TTL_MS = 2_000;

/** Tools of all kinds: quick and slow, limited and not, cached, repeatable, failing. */
export function makeTools(random: Random, permits: Permits, clock: Clock): readonly SimulatedTool[] {
  return Array.from({ length: 14 }, (_, index): SimulatedTool => {
    const name = `tool-${index}`;
    const maxConcurrent = random.chance(0.4) ? 1 + random.below(8) : null;
    const resources = [
      ...(random.chance(0.2) ? ["db"] : []),
      ...(random.chance(0.3) ? ["gpu"] : []),
      ...(random.chance(0.3) ? ["api"] : []),
    ];
    const limits = new Map<string, number>([["engine", Number.POSITIVE_INFINITY]]);
    if (maxConcurrent !== null) limits.set(`tool ${name}`, maxConcurrent);
    for (const resource of resources)
      limits.set(`resource ${resource}`, (RESOURCES as Record<string, number>)[resource] ?? 1);
    const cached = random.chance(0.3) && { maxCacheEntries: 50, maxCacheBytes: 64_000_000, cacheTtlMs: TTL_MS };
    const isScarce = resources.includes("db") || maxConcurrent === 1;
    return {
      name,
      need: permits.need({ tool: name, maxConcurrent, resources }),
      limits,
      effect: cached ? "none" : random.pick(["none", "once", "each-time", "each-time"] as const),
      cache: cached ? new ResultCache(cached, clock) : undefined,
      retry: random.chance(0.5) ? { maxAttempts: 3, firstDelayMs: 50, maxDelayMs: 1_000 } : null,
      meanMs: isScarce ? 2 + random.below(5) : 5 + random.below(100),
      timeoutMs: 250,
      failureRate: random.pick([0, 0.02, 0.3]),
      nestingRate: random.chance(0.4) ? 0.1 : 0,
      inputs: 20 + random.below(2_000),
    };
  });
}

/** Memory comes and goes with a tide of its own, and with what runs. */
export function tideAt(nowMs: number, load: number, queueLength: number): PressureSample {
  const memoryFraction = 0.68 + 0.28 * Math.sin(nowMs / 8_000) + 0.1 * load;
  return { memoryFraction, cpuFraction: 0.5, eventLoopDelayMs: 0, queueLength };
}
