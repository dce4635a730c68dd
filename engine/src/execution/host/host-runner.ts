import type { Ending } from "../../call/ending.ts";
import { errorInfo } from "../../call/error-info.ts";
import { digestOf } from "../../call/fingerprint.ts";
import { previewOf } from "../../call/preview.ts";
import type { ToolContext } from "../../tool/tool.ts";
import type { Clock, Timer } from "../../util/clock.ts";
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
  readonly #stuck = new Set<HostBody>();

  constructor(run: (input: unknown, context: ToolContext) => unknown, clock: Clock) {
    this.#run = run;
    this.#clock = clock;
  }

  get stuckBodies(): number {
    return this.#stuck.size;
  }

  begin(call: BodyCall): void {
    if (!call.start()) return;
    const { callId, path, input } = call;
    const body = new HostBody(call, this.#stuck);
    const timeoutMs = call.timeoutMs();
    const startedAtMs = this.#clock.now();
    if (timeoutMs !== null) {
      body.timer = this.#clock.setTimer(timeoutMs, () => {
        call.ended({ type: "expired", observedMs: this.#clock.now() - startedAtMs });
        call.abort(new DOMException(`The deadline of ${timeoutMs} ms has passed`, "TimeoutError"));
      });
    }
    const context: ToolContext = {
      signal: call.signal,
      callId,
      path,
      call: (...nested) => call.enter(() => call.callNested(...nested)),
    };
    // Node leaves a context of its own behind `enter`, a copy: each call would keep that of the one before.
    const inPlace = (): unknown => call.inCallersContext(() => call.enter(() => this.#run(input, context)));
    const returned = (value: unknown): void => {
      if (!isGenerator(value)) return body.returned(value);
      call.enter(() => lastOf(value, call.signal)).then((last) => body.returned(last), raised);
    };
    const raised = (error: unknown): void => body.raised(error);
    // The body's synchronous part runs now: a body that throws at once is an ending like any other, and so is what has no proper constructor.
    try {
      Promise.prototype.then.call(Promise.resolve(watchdog.run(body, inPlace)), returned, raised);
    } catch (error) {
      Promise.reject(error).catch(raised);
    }
  }
}

/** One body that runs, and goes on running, it may be, after its call has its outcome. */
class HostBody extends WatchedCall {
  timer: Timer | undefined;
  readonly #call: BodyCall;
  readonly #stuck: Set<HostBody>;
  #hasEnded = false;

  /** @param stuck those of the tool that go on although their calls have their outcomes */
  constructor(call: BodyCall, stuck: Set<HostBody>) {
    super(call.path.at(-1) ?? "", call.callId);
    this.#call = call;
    this.#stuck = stuck;
    call.listener = this;
  }

  /** Its call has its outcome. */
  settled(): void {
    if (!this.#hasEnded) this.#stuck.add(this);
  }

  returned(value: unknown): void {
    this.#finish({ type: "returned", digest: digestOf(value), preview: previewOf(value) }, value);
  }

  raised(error: unknown): void {
    this.#finish({ type: "raised", error: errorInfo(error) });
  }

  #finish(ending: Ending, value?: unknown): void {
    this.#hasEnded = true;
    this.#stuck.delete(this);
    this.timer?.cancel();
    watchdog.ended(this);
    this.#call.ended(ending, value);
  }
}
