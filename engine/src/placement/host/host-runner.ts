import type { Ending } from "../../call/ending.ts";
import { errorInfo } from "../../call/error-info.ts";
import { digestOf } from "../../call/fingerprint.ts";
import { previewOf } from "../../call/preview.ts";
import type { Clock } from "../../internal/clock.ts";
import type { ToolContext } from "../../tool.ts";
import type { BodyCall, BodyRunner } from "../body.ts";
import { isGenerator, lastOf } from "../generator.ts";
import { WatchedCall, watchdog } from "./watchdog.ts";

/**
 * Runs a tool's function in this process. The caller has its answer at the deadline, whether or not the body heeds its
 * signal; a body that blocks the event loop delays the answer until it lets go, and `observedMs` says by how much.
 */
export class HostRunner implements BodyRunner {
  readonly canKill = false;
  readonly #run: (input: unknown, context: ToolContext) => unknown;
  readonly #clock: Clock;
  #stuckBodies = 0;

  constructor(run: (input: unknown, context: ToolContext) => unknown, clock: Clock) {
    this.#run = run;
    this.#clock = clock;
  }

  get stuckBodies(): number {
    return this.#stuckBodies;
  }

  begin(call: BodyCall): void {
    if (!call.start()) return;
    const { callId, path, input } = call;
    const timeoutMs = call.timeoutMs();
    const watched = new WatchedCall(path.at(-1) ?? "", callId);
    const startedAtMs = this.#clock.now();
    const timer =
      timeoutMs === null
        ? undefined
        : this.#clock.setTimer(timeoutMs, () => {
            call.ended({ type: "expired", observedMs: this.#clock.now() - startedAtMs });
            call.abort(new DOMException(`The deadline of ${timeoutMs} ms has passed`, "TimeoutError"));
          });
    let state: "runs" | "stuck" | "ended" = "runs";
    call.settled = () => {
      if (state !== "runs") return;
      state = "stuck";
      this.#stuckBodies++;
    };
    const finish = (ending: Ending, value?: unknown): void => {
      if (state === "stuck") this.#stuckBodies--;
      state = "ended";
      timer?.cancel();
      watchdog.ended(watched);
      call.ended(ending, value);
    };
    const returned = (value: unknown): void =>
      finish({ type: "returned", digest: digestOf(value), preview: previewOf(value) }, value);
    const raised = (error: unknown): void => finish({ type: "raised", error: errorInfo(error) });
    const context: ToolContext = {
      signal: call.signal,
      callId,
      path,
      call: (...nested) => call.enter(() => call.callNested(...nested)),
    };
    // The body's synchronous part runs now: a body that throws at once is an ending like any other.
    new Promise<unknown>((resolve) =>
      resolve(watchdog.run(watched, () => call.enter(() => this.#run(input, context)))),
    ).then(
      (value) =>
        isGenerator(value) ? void call.enter(() => lastOf(value, call.signal)).then(returned, raised) : returned(value),
      raised,
    );
  }
}
