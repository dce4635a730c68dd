import { monitorEventLoopDelay } from "node:perf_hooks";
import type { PressureSample } from "../telemetry/sample.ts";
import { MEASURES, type Measure } from "../telemetry/thresholds.ts";
import type { Clock, Timer } from "../util/clock.ts";
import { cpuFraction, type MachineFigures, readMachine } from "./machine.ts";
import {
  CALM,
  isCalm,
  isOn,
  type PressureAction,
  type PressureState,
  retryAfterMs,
  underPressure,
} from "./pressure.ts";

/** How often the machine is looked at while calls are in flight. */
const INTERVAL_MS = 500;
const LOOP_RESOLUTION_MS = 100;

export interface PressureMonitorOptions {
  readonly clock: Clock;
  /** Whether calls are in flight. */
  readonly isBusy: () => boolean;
  /** Calls that wait for a permit or a worker. */
  readonly queueLength: () => number;
  /** Carries an action out. Must not throw. */
  readonly act: (action: PressureAction, sample: PressureSample) => void;
  /** For tests. Default: this machine. */
  readonly readMachine?: () => MachineFigures;
}

/**
 * Looks at the machine while calls are in flight or anything is being done against pressure, and says what to do. Its timer keeps no
 * process alive, and is gone when there is nothing to look for.
 */
export class PressureMonitor {
  readonly #options: PressureMonitorOptions;
  readonly #readMachine: () => MachineFigures;
  readonly #loopDelay = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
  #state: PressureState = CALM;
  #timer: Timer | undefined;
  #last: { readonly figures: MachineFigures; readonly atMs: number } | undefined;

  constructor(options: PressureMonitorOptions) {
    this.#options = options;
    this.#readMachine = options.readMachine ?? readMachine;
  }

  /** From now on there are calls in flight. */
  resume(): void {
    if (this.#timer) return;
    this.#loopDelay.reset();
    this.#loopDelay.enable();
    this.look();
    this.#arm();
  }

  /** There are none any more. */
  pause(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#loopDelay.disable();
  }

  /** Looks at the machine, if the last look was half a second ago or more. */
  look(): void {
    const nowMs = this.#options.clock.now();
    if (this.#last && nowMs - this.#last.atMs < INTERVAL_MS) return;
    const figures = this.#readMachine();
    const sample: PressureSample = {
      memoryFraction: figures.memoryFraction,
      cpuFraction: this.#last ? cpuFraction(this.#last.figures, figures, nowMs - this.#last.atMs) : 0,
      eventLoopDelayMs: this.#longestDelayMs(),
      queueLength: this.#options.queueLength(),
    };
    this.#last = { figures, atMs: nowMs };
    const { state, actions } = underPressure(this.#state, sample, nowMs);
    this.#state = state;
    for (const action of actions) this.#options.act(action, sample);
  }

  /** When a new call would have a chance, if new calls are to be rejected now; else undefined. */
  get rejectsForMs(): number | undefined {
    if (isOn(this.#state, "reject-calls")) this.look();
    return isOn(this.#state, "reject-calls") ? retryAfterMs(this.#state, this.#options.clock.now()) : undefined;
  }

  /** What is done now. */
  get measures(): readonly Measure[] {
    return MEASURES.filter((measure) => isOn(this.#state, measure));
  }

  /** What all processes here may use together: for {@link equalShareBytes}. */
  get memoryLimitBytes(): number {
    return (this.#last?.figures ?? this.#readMachine()).memoryLimitBytes;
  }

  #arm(): void {
    this.#timer = this.#options.clock.setTimer(INTERVAL_MS, () => {
      this.look();
      if (this.#options.isBusy() || !isCalm(this.#state)) this.#arm();
      else this.pause();
    });
    this.#timer.unref?.();
  }

  /** What holds the loop up while no call is in flight is none of the engine's. */
  #longestDelayMs(): number {
    const longestMs =
      this.#loopDelay.count > 0 && this.#options.isBusy() ? this.#loopDelay.max / 1e6 - LOOP_RESOLUTION_MS : 0;
    this.#loopDelay.reset();
    return Math.max(0, longestMs);
  }
}
