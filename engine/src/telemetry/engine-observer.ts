import type { Outcome } from "../call/outcome.ts";
import type { Call } from "../state/call.ts";
import type { Clock } from "../util/clock.ts";
import { plainName } from "../util/plain-text.ts";
import type { CallObserver } from "./call-observer.ts";
import { CallStats } from "./call-stats.ts";
import type { AnsweredBy } from "./engine-event.ts";
import type { EventStream } from "./event-stream.ts";

/** Counts what happens to the calls of one engine, and makes events of it while somebody listens. */
export class EngineObserver implements CallObserver {
  readonly events: EventStream;
  readonly stats = new CallStats();
  readonly #clock: Clock;
  /** Calls that wait for a permit or a worker. */
  readonly #waiting: () => number;
  readonly #onAdmitted: () => void;

  /** @param onAdmitted told of each call that is in flight from now on */
  constructor(events: EventStream, clock: Clock, waiting: () => number, onAdmitted: () => void = () => undefined) {
    this.#onAdmitted = onAdmitted;
    this.events = events;
    this.#clock = clock;
    this.#waiting = waiting;
  }

  admitted(call: Call): void {
    this.#onAdmitted();
    if (!this.events.hasListeners) return;
    this.events.emit({ type: "call-admit", ...this.#about(call), path: call.path, placement: call.placement });
  }

  waits(call: Call): void {
    if (!this.events.hasListeners) return;
    this.events.emit({ type: "call-wait", ...this.#about(call), waiting: this.#waiting() });
  }

  started(call: Call, attempt: number): void {
    if (!this.events.hasListeners) return;
    const atMs = this.#clock.now();
    this.events.emit({
      type: "attempt-start",
      ...this.#about(call, atMs),
      attempt,
      waitedMs: atMs - call.submittedAtMs,
    });
  }

  retried(call: Call, attempt: number, delayMs: number): void {
    if (this.events.hasListeners) this.events.emit({ type: "attempt-retry", ...this.#about(call), attempt, delayMs });
  }

  answered(call: Call, by: AnsweredBy): void {
    this.stats.answered(call.tool);
    if (this.events.hasListeners) this.events.emit({ type: "call-answer", ...this.#about(call), by });
  }

  settled(call: Call, outcome: Outcome): void {
    const { status, elapsedMs, attempts } = outcome;
    const code = status === "succeeded" ? null : outcome.failure.code;
    const { startedAtMs } = call;
    const ran = attempts > 0 && startedAtMs !== undefined;
    const waitedMs = ran ? startedAtMs - call.submittedAtMs : elapsedMs;
    const settlement = { status, code, waitedMs, ranMs: ran ? Math.max(0, elapsedMs - waitedMs) : null, attempts };
    this.stats.settled(call.tool, settlement);
    if (this.events.hasListeners) this.events.emit({ type: "call-settle", ...this.#about(call), ...settlement });
  }

  runOpened(run: string): void {
    if (this.events.hasListeners) this.events.emit({ type: "run-open", atMs: this.#clock.now(), runId: run });
  }

  agentEnded(run: string, agent: string | undefined, task: string | undefined, reason: string): void {
    if (!this.events.hasListeners) return;
    const names = { runId: run, agent: agent ?? null, task: task ?? null };
    this.events.emit({ type: "agent-end", atMs: this.#clock.now(), ...names, reason });
  }

  runEnded(run: string, reason: string): void {
    if (this.events.hasListeners) this.events.emit({ type: "run-end", atMs: this.#clock.now(), runId: run, reason });
  }

  runClosed(run: string): void {
    if (this.events.hasListeners) this.events.emit({ type: "run-close", atMs: this.#clock.now(), runId: run });
  }

  #about({ id, tool, run, policy }: Call, atMs = this.#clock.now()) {
    // The name of a tool that is not known is somebody else's text.
    return { atMs, callId: id, tool: policy ? tool : plainName(tool), runId: run?.id ?? null };
  }
}
