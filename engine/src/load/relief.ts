import type { EventStream } from "../telemetry/event-stream.ts";
import type { Measure } from "../telemetry/thresholds.ts";
import type { Clock } from "../util/clock.ts";
import { equalShareBytes, furthestOverShare, type RunningCall } from "./furthest-over-share.ts";
import type { MachineFigures } from "./machine.ts";
import type { PressureAction } from "./pressure.ts";
import { PressureMonitor } from "./pressure-monitor.ts";

/** One engine, as far as it can make way. */
export interface MakesWay {
  /** Calls without an outcome. */
  readonly inFlight: number;
  /** Those of them that wait for their turn or a worker. */
  readonly waiting: number;
  /** Lets this fraction of its calls run at once. @returns how many those are now; null is no limit, undefined that nothing has changed */
  setConcurrency(fraction: number, isForMemory: boolean): number | null | undefined;
}

/** The workers, as far as they can make way. */
export interface WorkersMakeWay {
  /** Keeps none beyond what the calls at hand need, until it is told otherwise. */
  shrinkReserve(isShrunk: boolean): void;
  /** Ends the idle worker that uses most memory. */
  recycleLargestIdle(): void;
  /** Bodies that run and can be killed. `quotaBytes`: what each may use by itself, or null. */
  readonly running: readonly {
    readonly callId: string;
    readonly memoryBytes: number;
    readonly quotaBytes: number | null;
  }[];
  /** Kills one of them. */
  sacrifice(call: RunningCall): void;
}

export interface ReliefOptions {
  readonly clock: Clock;
  readonly events: EventStream;
  readonly engines: () => Iterable<MakesWay>;
  /** Undefined while there are none. */
  readonly workers: () => WorkersMakeWay | undefined;
  /** For tests. Default: this machine. */
  readonly readMachine?: (() => MachineFigures) | undefined;
}

/** Carries out what {@link PressureMonitor} says, for the engines and workers of one process, and tells it as events. */
export class Relief {
  readonly #options: ReliefOptions;
  readonly #monitor: PressureMonitor;

  constructor(options: ReliefOptions) {
    this.#options = options;
    const { clock, readMachine } = options;
    this.#monitor = new PressureMonitor({
      clock,
      isBusy: () => this.#sum(({ inFlight }) => inFlight) > 0,
      queueLength: () => this.#sum(({ waiting }) => waiting),
      act: (action) => this.#act(action),
      ...(readMachine ? { readMachine } : {}),
    });
  }

  /** A call was admitted: the machine is looked at while it is in flight. */
  watch(): void {
    this.#monitor.resume();
  }

  close(): void {
    this.#monitor.pause();
  }

  /** When a new call would have a chance, if new calls are to be rejected now; else undefined. */
  get rejectsForMs(): number | undefined {
    return this.#monitor.rejectsForMs;
  }

  /** What is done now. */
  get measures(): readonly Measure[] {
    return this.#monitor.measures;
  }

  #sum(figure: (engine: MakesWay) => number): number {
    let sum = 0;
    for (const engine of this.#options.engines()) sum += figure(engine);
    return sum;
  }

  #act(action: PressureAction): void {
    const workers = this.#options.workers();
    switch (action.type) {
      case "measure-begin":
        if (action.measure === "shrink-reserve") workers?.shrinkReserve(true);
        return this.#tell((atMs) => ({ ...action, atMs, type: "pressure-rise" }));
      case "measure-end":
        if (action.measure === "shrink-reserve") workers?.shrinkReserve(false);
        return this.#tell((atMs) => ({ ...action, atMs, type: "pressure-fall" }));
      case "set-concurrency":
        for (const engine of this.#options.engines()) {
          const maxConcurrent = engine.setConcurrency(action.fraction, action.isForMemory);
          if (maxConcurrent !== undefined) this.#tell((atMs) => ({ type: "concurrency-change", atMs, maxConcurrent }));
        }
        return;
      case "recycle-largest-idle":
        return workers?.recycleLargestIdle();
      case "kill-furthest-over-share":
        return this.#sacrifice(workers);
    }
  }

  #sacrifice(workers: WorkersMakeWay | undefined): void {
    if (!workers) return;
    const { running } = workers;
    const equalBytes = equalShareBytes(this.#monitor.memoryLimitBytes, running.length);
    const victim = furthestOverShare(
      running.map(({ callId, memoryBytes, quotaBytes }) => {
        return { callId, memoryBytes, shareBytes: Math.min(equalBytes, quotaBytes ?? equalBytes) };
      }),
    );
    if (victim) workers.sacrifice(victim);
  }

  #tell(make: (atMs: number) => Parameters<EventStream["emit"]>[0]): void {
    const { events, clock } = this.#options;
    if (events.hasListeners) events.emit(make(clock.now()));
  }
}
