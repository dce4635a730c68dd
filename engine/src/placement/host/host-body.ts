import type { Ending } from "../../call/ending.ts";
import { errorInfo } from "../../call/error-info.ts";
import { digestOf } from "../../call/fingerprint.ts";
import type { Clock } from "../../internal/clock.ts";

const PREVIEW_CHARACTERS = 200;

export interface HostBody {
  /** Null is no deadline. */
  readonly timeoutMs: number | null;
  /** The body's abort: the deadline and the caller's cancel both fire it. */
  readonly controller: AbortController;
  run(): unknown;
  /** Called once, at the ending or at the deadline, whichever is first. */
  ended(ending: Ending, value?: unknown): void;
}

/**
 * Runs a body in this process. The caller has its answer at the deadline, whether or not the body heeds its signal;
 * a body that blocks the event loop delays the answer until it lets go, and `observedMs` says by how much.
 */
export function runHostBody(body: HostBody, clock: Clock): void {
  const startedAtMs = clock.now();
  const { timeoutMs, controller } = body;
  const timer =
    timeoutMs === null
      ? undefined
      : clock.setTimer(timeoutMs, () => {
          body.ended({ type: "expired", observedMs: clock.now() - startedAtMs });
          controller.abort(new DOMException(`The deadline of ${timeoutMs} ms has passed`, "TimeoutError"));
        });
  const finish = (ending: Ending, value?: unknown): void => {
    timer?.cancel();
    body.ended(ending, value);
  };
  // The body's synchronous part runs now: a body that throws at once is an ending like any other.
  new Promise<unknown>((resolve) => resolve(body.run())).then(
    (value) => finish({ type: "returned", digest: digestOf(value), preview: previewOf(value) }, value),
    (error: unknown) => finish({ type: "raised", error: errorInfo(error) }),
  );
}

function previewOf(value: unknown): string | null {
  try {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    if (text === undefined) return null;
    return text.length > PREVIEW_CHARACTERS ? `${text.slice(0, PREVIEW_CHARACTERS - 1)}…` : text;
  } catch {
    return null; // a cycle, a bigint, a toJSON that throws: the preview is a convenience
  }
}
