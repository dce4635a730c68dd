import type { PressureSample } from "../telemetry/sample.ts";
import { CALM_MS, type Figure, MEASURES, type Measure, RISE_MS, THRESHOLDS } from "../telemetry/thresholds.ts";

/** One measure: off, about to begin, on, about to end. `figure` is what brought it. */
export type MeasureState =
  | { readonly type: "off" }
  | { readonly type: "rising"; readonly figure: Figure; readonly sinceMs: number }
  | { readonly type: "on"; readonly figure: Figure; readonly steppedAtMs: number }
  | { readonly type: "calming"; readonly figure: Figure; readonly sinceMs: number; readonly steppedAtMs: number };

export interface PressureState {
  readonly measures: { readonly [measure in Measure]: MeasureState };
  /** What is left of the engine's concurrency; 1 is all. */
  readonly concurrencyFraction: number;
  readonly recoveredAtMs: number;
}

/** What to do now. What is not named stays as it is. */
export type PressureAction =
  | { readonly type: "measure-begin"; readonly measure: Measure; readonly figure: Figure; readonly observed: number }
  | { readonly type: "measure-end"; readonly measure: Measure }
  /** Let this fraction of the configured calls run at once, or, for memory only, of those that want to where nothing is configured. */
  | { readonly type: "set-concurrency"; readonly fraction: number; readonly isForMemory: boolean }
  /** Replace the idle worker that has grown most. Again every second while it is on. */
  | { readonly type: "recycle-largest-idle" }
  /** Kill the running call that is furthest over its share, if one is ({@link furthestOverShare}). */
  | { readonly type: "kill-furthest-over-share" };

export interface PressureDecision {
  readonly state: PressureState;
  readonly actions: readonly PressureAction[];
}

/** Between two steps of the same measure: time for the step before to show. */
const STEP_MS = 1_000;
/** A killed process gives its memory back within milliseconds; two in a row must not be killed for the same shortage. */
const KILL_STEP_MS = 2_000;
const SMALLEST_FRACTION = 1 / 64;
/** Most calls wait for something else than a processor or the event loop: where that is what is short, fewer of them help little. */
const SMALLEST_FRACTION_ELSE = 1 / 4;

const OFF: MeasureState = { type: "off" };

export const CALM: PressureState = {
  measures: {
    "shrink-reserve": OFF,
    "lower-concurrency": OFF,
    "recycle-idle": OFF,
    "reject-calls": OFF,
    "kill-call": OFF,
  },
  concurrencyFraction: 1,
  recoveredAtMs: 0,
};

/** Whether a measure is in force. */
export function isOn(state: PressureState, measure: Measure): boolean {
  const { type } = state.measures[measure];
  return type === "on" || type === "calming";
}

/** Whether nothing is done, is about to be done, or has to be undone. */
export function isCalm({ measures, concurrencyFraction }: PressureState): boolean {
  return concurrencyFraction === 1 && MEASURES.every((measure) => measures[measure].type === "off");
}

/** When a call that is rejected now has a chance; 0 if calls are not rejected. */
export function retryAfterMs(state: PressureState, nowMs: number): number {
  const rejecting = state.measures["reject-calls"];
  if (rejecting.type === "calming") return Math.max(1, rejecting.sinceMs + CALM_MS - nowMs);
  return rejecting.type === "on" ? CALM_MS : 0;
}

/**
 * What a sample changes. Each measure is a Schmitt trigger with times to rise and to calm down. Concurrency is halved a step and
 * comes back by a tenth a step (additive increase, multiplicative decrease: Chiu and Jain, "Analysis of the increase and decrease
 * algorithms for congestion avoidance", 1989).
 */
export function underPressure(before: PressureState, sample: PressureSample, nowMs: number): PressureDecision {
  const actions: PressureAction[] = [];
  const measures = { ...before.measures };
  for (const measure of MEASURES) {
    const was = before.measures[measure];
    const is = nextState(measure, was, sample, nowMs);
    measures[measure] = is;
    const wasOn = was.type === "on" || was.type === "calming";
    if (is.type === "on" && !wasOn) {
      actions.push({ type: "measure-begin", measure, figure: is.figure, observed: sample[is.figure] });
    }
    if (is.type === "off" && wasOn) actions.push({ type: "measure-end", measure });
  }
  const due = (measure: Measure, everyMs: number): boolean => {
    const state = measures[measure];
    // Between its two thresholds a measure holds what it has done, and does no more.
    if (state.type !== "on" || !figureAt(measure, sample, "enter") || nowMs - state.steppedAtMs < everyMs) return false;
    measures[measure] = { ...state, steppedAtMs: nowMs };
    return true;
  };
  let { concurrencyFraction, recoveredAtMs } = before;
  let isForMemory = false;
  if (due("lower-concurrency", STEP_MS)) {
    isForMemory = figureAt("lower-concurrency", sample, "enter") === "memoryFraction";
    const smallest = isForMemory ? SMALLEST_FRACTION : SMALLEST_FRACTION_ELSE;
    concurrencyFraction = Math.min(concurrencyFraction, Math.max(smallest, concurrencyFraction / 2));
    recoveredAtMs = nowMs;
  } else if (
    measures["lower-concurrency"].type === "off" &&
    concurrencyFraction < 1 &&
    nowMs - recoveredAtMs >= STEP_MS
  ) {
    concurrencyFraction = Math.min(1, concurrencyFraction + 0.1);
    recoveredAtMs = nowMs;
  }
  if (concurrencyFraction !== before.concurrencyFraction) {
    actions.push({ type: "set-concurrency", fraction: concurrencyFraction, isForMemory });
  }
  if (due("recycle-idle", STEP_MS)) actions.push({ type: "recycle-largest-idle" });
  if (due("kill-call", KILL_STEP_MS)) actions.push({ type: "kill-furthest-over-share" });
  return { state: { measures, concurrencyFraction, recoveredAtMs }, actions };
}

function nextState(measure: Measure, state: MeasureState, sample: PressureSample, nowMs: number): MeasureState {
  const entered = figureAt(measure, sample, "enter");
  const isCalm = figureAt(measure, sample, "leave") === undefined;
  switch (state.type) {
    case "off":
    case "rising": {
      if (!entered) return OFF;
      const sinceMs = state.type === "rising" ? state.sinceMs : nowMs;
      if (nowMs - sinceMs < RISE_MS[entered]) return { type: "rising", figure: entered, sinceMs };
      return { type: "on", figure: entered, steppedAtMs: Number.NEGATIVE_INFINITY };
    }
    case "on":
      return isCalm ? { ...state, type: "calming", sinceMs: nowMs } : state;
    case "calming":
      if (!isCalm) return { type: "on", figure: entered ?? state.figure, steppedAtMs: state.steppedAtMs };
      return nowMs - state.sinceMs >= CALM_MS ? OFF : state;
  }
}

/** A figure that is at or past its threshold; the one that rises quickest, where several are. */
function figureAt(measure: Measure, sample: PressureSample, edge: "enter" | "leave"): Figure | undefined {
  const past = (Object.keys(THRESHOLDS[measure]) as Figure[]).filter((figure) => {
    const threshold = THRESHOLDS[measure][figure];
    return threshold !== undefined && sample[figure] >= threshold[edge];
  });
  return past.sort((a, b) => RISE_MS[a] - RISE_MS[b])[0];
}
