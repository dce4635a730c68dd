import type { Ending } from "../call/ending.ts";
import { timeoutAfterWait, waitLeftMs } from "../pipeline/call-request.ts";
import type { Quotas } from "../policy/quota.ts";
import { quotasOf } from "../policy/quotas.ts";
import { attemptTimeoutMs, type Call } from "../state/call.ts";
import type { ToolContext } from "../tool/tool.ts";
import type { BodyCall } from "./body.ts";
import type { Door, PlacedCall } from "./placed-call.ts";

/** One attempt of a placed call, as its runner gets it. */
export class Attempt implements BodyCall {
  readonly input: unknown;
  listener: { settled(): void } | undefined;
  readonly #placed: PlacedCall;
  readonly #door: Door;
  readonly #number: number;

  constructor(placed: PlacedCall, door: Door, number: number, input: unknown) {
    this.#placed = placed;
    this.#door = door;
    this.#number = number;
    this.input = input;
  }

  get #call(): Call {
    return this.#placed.call;
  }

  get callId(): string {
    return this.#call.id;
  }

  get path(): readonly string[] {
    return this.#call.path;
  }

  get quotas(): Quotas {
    return quotasOf(this.#call.policy);
  }

  get signal(): AbortSignal {
    return this.#placed.signal;
  }

  abort(reason: unknown): void {
    this.#placed.abort(reason);
  }

  waitMs(): number | null {
    return waitLeftMs(this.#call, this.#door.clock.now());
  }

  timeoutMs(): number | null {
    const nowMs = this.#door.clock.now();
    this.#call.timeoutMs = timeoutAfterWait(this.#call, nowMs);
    return attemptTimeoutMs(this.#call, nowMs);
  }

  waits(): void {
    this.#door.core.waitsForWorker(this.#call);
  }

  start(): boolean {
    return this.#door.core.start(this.#call) !== undefined;
  }

  ended(ending: Ending, value?: unknown): void {
    this.#placed.ended(this.#number, ending, value);
  }

  enter<T>(body: () => T): T {
    return this.#door.enter(this.#placed, body);
  }

  inCallersContext<T>(body: () => T): T {
    return this.#placed.inCallersContext(body);
  }

  callNested(...nested: Parameters<ToolContext["call"]>): ReturnType<ToolContext["call"]> {
    return this.#door.call(this.#call.run, ...nested);
  }
}
