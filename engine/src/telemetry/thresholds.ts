import type { PressureSample } from "./sample.ts";

/** What is done under pressure, mildest first. Each has thresholds of its own, and ends by itself. */
export const MEASURES = ["shrink-reserve", "lower-concurrency", "recycle-idle", "reject-calls", "kill-call"] as const;
export type Measure = (typeof MEASURES)[number];

/** A measure begins when one figure is at or above `enter`, and ends when all are below `leave`. */
export interface Threshold {
  readonly enter: number;
  readonly leave: number;
}

export type Figure = keyof PressureSample;

/**
 * Memory makes way for everything, step by step; a busy CPU is what it is for, so it only lowers how many calls compete for it, and so does an
 * event loop that is held up: a hundred thousand calls in one turn do that. A queue that no one will see the end of rejects. Only memory that is
 * about to run out kills.
 */
export const THRESHOLDS: { readonly [measure in Measure]: { readonly [figure in Figure]?: Threshold } } = {
  "shrink-reserve": { memoryFraction: { enter: 0.85, leave: 0.8 } },
  "lower-concurrency": {
    memoryFraction: { enter: 0.9, leave: 0.85 },
    cpuFraction: { enter: 0.99, leave: 0.9 },
    eventLoopDelayMs: { enter: 500, leave: 200 },
  },
  "recycle-idle": { memoryFraction: { enter: 0.92, leave: 0.87 } },
  "reject-calls": {
    memoryFraction: { enter: 0.95, leave: 0.9 },
    queueLength: { enter: 200_000, leave: 100_000 },
  },
  "kill-call": { memoryFraction: { enter: 0.98, leave: 0.96 } },
};

/** How long a figure must be past its threshold before a measure begins: memory cannot wait, a CPU or an event loop is often busy for a while. */
export const RISE_MS: { readonly [figure in Figure]: number } = {
  memoryFraction: 0,
  cpuFraction: 30_000,
  eventLoopDelayMs: 10_000,
  queueLength: 0,
};

/** How long all figures must be calm before a measure ends. */
export const CALM_MS = 5_000;
